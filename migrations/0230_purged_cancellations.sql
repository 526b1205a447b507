-- A request to cancel an import whose job never comes names a person, and is purged as other old data are.

GRANT SELECT, DELETE ON imports.cancellations TO user_import_operator;
