-- Metrics count the imports that wait for an operator, every few seconds: they are few, however long the history is.

CREATE INDEX imports_failed ON imports.imports (finished_at) WHERE state = 'failed';
