-- What the log-ins of workers and operators may do, held more narrowly. What only a superuser can take away stands in
-- deploy/lock-down.sql.

-- A user that the workers' log-in creates comes from a row, and must choose another password at the first log-in. Nobody
-- else is concerned: the first policy lets everything through, as before.
ALTER TABLE dialer.users ENABLE ROW LEVEL SECURITY;
CREATE POLICY users_of_all ON dialer.users USING (true) WITH CHECK (true);
CREATE POLICY users_of_imports ON dialer.users AS RESTRICTIVE FOR INSERT TO user_import_worker
    WITH CHECK (password_must_change AND idempotency_key IS NOT NULL);

-- What names an import or a row is written once: nobody but the owner of the tables changes it. By a trigger instead of
-- grants, so that columns that are added later need none of their own.
CREATE FUNCTION imports.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        RAISE insufficient_privilege USING MESSAGE = format('what names an entry of %s is written once', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION imports.refuse_change() IS 'Lets nobody but the owner of the table change its columns that are written once.';
CREATE TRIGGER imports_written_once BEFORE UPDATE OF import_id, tenant_id, job, received_at ON imports.imports
    FOR EACH STATEMENT EXECUTE FUNCTION imports.refuse_change();
CREATE TRIGGER rows_written_once BEFORE UPDATE OF import_id, tenant_id, row_number, line, idempotency_key ON imports.rows
    FOR EACH STATEMENT EXECUTE FUNCTION imports.refuse_change();

-- All columns of a user that there are by now, but for those that the database fills in.
DO $$
BEGIN
    REVOKE INSERT ON dialer.users FROM user_import_worker;
    EXECUTE (SELECT format('GRANT INSERT (%s) ON dialer.users TO user_import_worker', string_agg(quote_ident(attname), ', '))
               FROM pg_attribute
              WHERE attrelid = 'dialer.users'::regclass AND attnum > 0 AND NOT attisdropped
                AND attname <> ALL ('{user_id,email_key,created_at}'));
END
$$;
REVOKE INSERT ON imports.imports FROM user_import_worker;
GRANT INSERT (import_id, tenant_id, job, shard) ON imports.imports TO user_import_worker;

-- Operators' commands work with the workers' log-in too, and then say who gives them; but an entry of that log-in must not
-- pass for another's.
CREATE FUNCTION imports.mark_workers_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_has_role(session_user, 'user_import_worker', 'MEMBER')
       AND NOT pg_has_role(session_user, 'user_import_operator', 'MEMBER') THEN
        NEW.operator := session_user || ' as ' || NEW.operator;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION imports.mark_workers_entry() IS
    'Puts the log-in before the name of the operator, where it is a worker''s.';
CREATE TRIGGER audit_mark_workers_entry BEFORE INSERT ON imports.audit
    FOR EACH ROW EXECUTE FUNCTION imports.mark_workers_entry();
COMMENT ON COLUMN imports.audit.operator IS
    'Who made it, as the command was told (--by); with the workers'' log-in before it, if the command was given by that.';

-- Old entries go too, but by a purge alone, and never those of the last 90 days: what somebody did lately, he cannot hide.
CREATE FUNCTION imports.purge_audit(before timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    DELETE FROM imports.audit WHERE at < least(before, now() - interval '90 days');
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION imports.purge_audit(timestamptz) IS
    'Deletes entries of the audit trail from before the given time, and of the last 90 days none.';
REVOKE EXECUTE ON FUNCTION imports.purge_audit(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION imports.purge_audit(timestamptz) TO user_import_operator;

COMMENT ON COLUMN imports.dead_letters.reason IS
    'Why: malformed, newer_version, import_id_taken, permanent_error, retries_exhausted, kills_workers, messages_lost; or, as delivery_limit, the reason of a broker that set it aside.';
