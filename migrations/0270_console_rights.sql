-- Erasing a tenant takes away what the console keeps of it too: files that were not imported, mappings, sessions.

GRANT SELECT (tenant_id, source_key, check_id, import_id), DELETE ON console.uploads TO user_import_operator;
GRANT SELECT (tenant_id), DELETE ON console.mappings, console.sessions TO user_import_operator;

-- An import that is cancelled before its file is read has ended with that, and its event is made at once.
GRANT INSERT ON imports.told_events TO user_import_console;
