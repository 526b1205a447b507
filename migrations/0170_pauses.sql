-- Pauses: an operator lets the imports of a tenant wait, or those of all tenants, and takes them up again later. Workers of
-- releases before this one do not know of them and go on.

CREATE TABLE imports.pauses (
    pause_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  bigint CHECK (tenant_id > 0),
    paused_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused_by  text NOT NULL,
    reason     text,
    resumed_at timestamptz,
    resumed_by text,
    CHECK ((resumed_at IS NULL) = (resumed_by IS NULL))
);
COMMENT ON TABLE imports.pauses IS
    'When imports were paused, and until when. While a pause lasts, jobs are received, and neither planned nor are users created.';
COMMENT ON COLUMN imports.pauses.pause_id IS 'Number of the pause.';
COMMENT ON COLUMN imports.pauses.tenant_id IS 'The tenant whose imports wait; NULL is all of them. No foreign key: a pause outlives its tenant.';
COMMENT ON COLUMN imports.pauses.paused_at IS 'When it began.';
COMMENT ON COLUMN imports.pauses.paused_by IS 'Who paused, as the command was told (--by).';
COMMENT ON COLUMN imports.pauses.reason IS 'Why, as the command was told (--reason).';
COMMENT ON COLUMN imports.pauses.resumed_at IS 'When it ended; NULL while it lasts.';
COMMENT ON COLUMN imports.pauses.resumed_by IS 'Who ended it, as the command was told (--by).';

-- One at a time for each tenant, and one for all. Every step looks here, so it is an index of what lasts alone.
CREATE UNIQUE INDEX pauses_lasting ON imports.pauses (coalesce(tenant_id, 0)) WHERE resumed_at IS NULL;

-- A pause begins and ends, and is never changed otherwise; nobody chooses when it began.
GRANT SELECT, INSERT (tenant_id, paused_by, reason), UPDATE (resumed_at, resumed_by) ON imports.pauses
    TO user_import_worker, user_import_operator;
