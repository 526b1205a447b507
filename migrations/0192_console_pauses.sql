-- The console shows whether an import is paused, and what of it was purged; ending an import writes its attempt down.
GRANT SELECT ON imports.pauses, imports.purged_imports, imports.told_events TO user_import_console;
GRANT SELECT, INSERT ON imports.attempts TO user_import_console;
