-- Cancel messages of the Dialer may come before the job of their import.

CREATE TABLE imports.cancellations (
    import_id    uuid NOT NULL,
    tenant_id    bigint NOT NULL,
    requested_by text,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (import_id, tenant_id)
);
COMMENT ON TABLE imports.cancellations IS
    'Imports that the Dialer wants to be cancelled and whose job has not come yet, or whose cancellation is being carried out.';
COMMENT ON COLUMN imports.cancellations.import_id IS 'The import. No foreign key: there may be none yet.';
COMMENT ON COLUMN imports.cancellations.tenant_id IS 'The tenant of the request; an import of another tenant is left alone.';
COMMENT ON COLUMN imports.cancellations.requested_by IS 'Who asked for it, as the message says.';
COMMENT ON COLUMN imports.cancellations.asked_at IS 'When the message came.';

-- Worked off by workers, so they delete what they have done.
GRANT SELECT, INSERT, DELETE ON imports.cancellations TO user_import_worker;
