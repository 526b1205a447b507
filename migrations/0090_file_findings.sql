-- What was ignored of a file, sentences of rejections without names of its columns, and cells that are not needed any more.

ALTER TABLE imports.imports
    ADD COLUMN ignored_rows            integer CHECK (ignored_rows >= 0),
    ADD COLUMN ignored_columns         integer[],
    ADD COLUMN rejection_event_message text;
COMMENT ON COLUMN imports.imports.ignored_rows IS
    'Rows whose mapped cells are all blank while others have text; NULL until all rows were validated.';
COMMENT ON COLUMN imports.imports.ignored_columns IS 'Positions, from 1, of the columns that have a name and were not read.';
COMMENT ON COLUMN imports.imports.rejection_event_message IS
    'rejection_message for events, which name no columns of the file; NULL where that is no difference.';

COMMENT ON COLUMN imports.rows.source_cells IS
    'The record''s cells as they were, as a JSON array in UTF-8; bytea for the reason given at the header. Those of passwords are blank. Empty once the row is a user.';

-- All rows of the past are read once.
SET LOCAL statement_timeout = 0;

UPDATE imports.rows SET source_cells = '[]' WHERE outcome = 'created' AND source_cells <> '[]';

-- Cells of columns named password: json and not jsonb, because a cell may hold a NUL character.
WITH passwords AS (
    SELECT i.import_id, array_agg(header.place) AS places
      FROM imports.imports i
     CROSS JOIN LATERAL json_array_elements(convert_from(i.source_header, 'UTF8')::json)
           WITH ORDINALITY AS header (name, place)
     WHERE i.source_header IS NOT NULL
       AND regexp_replace(lower(header.name::text), '[[:space:]_*:.-]', '', 'g')
           ~ 'password|passwort|kennwort|passwd|pwd|contraseña|senha|пароль'
     GROUP BY i.import_id
)
UPDATE imports.rows r
   SET source_cells = convert_to((
       SELECT '[' || string_agg(CASE WHEN cell.place = ANY (p.places) THEN '""' ELSE cell.value::text END, ','
                                ORDER BY cell.place) || ']'
         FROM json_array_elements(convert_from(r.source_cells, 'UTF8')::json) WITH ORDINALITY AS cell (value, place)
       ), 'UTF8')
  FROM passwords p
 WHERE r.import_id = p.import_id AND r.source_cells <> '[]';
