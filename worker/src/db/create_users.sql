-- Creates the users of a batch and counts them: everything in one statement, because this is what happens to nearly every
-- batch. Rows whose references are lost, or whose user is there already, are left pending.
--
-- $1 import, $2 tenant, $3 attempt; $4 row numbers and $5 their hashes, in the same order; of the job: $6 kind of SIP,
-- $7 PBX domain, $8 two-factor authentication, $9 and $10 limits of sessions; $11 and $12 first and last row number;
-- $13 days for which the passwords are good.
WITH given AS (
    SELECT r.row_number, r.idempotency_key, r.username, r.username_key, r.email, r.virtual_extension,
           r.first_name, r.last_name, r.pbx_device, r.sip_uri,
           r.role_ids, r.desk_ids, r.skill_group_ids, r.tag_ids, hashed.password_hash
      FROM unnest($4::integer[], $5::text[]) AS hashed (row_number, password_hash)
      JOIN imports.rows r USING (row_number)
     -- The bounds let the index of import and number find them, instead of all rows of the import.
     WHERE r.import_id = $1 AND r.row_number BETWEEN $11 AND $12 AND r.tenant_id = $2 AND r.outcome = 'pending'
       AND EXISTS (SELECT FROM imports.imports
                    WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'running')
), lost AS (
    SELECT ARRAY(SELECT DISTINCT id FROM given, unnest(role_ids) id WHERE NOT EXISTS (
               SELECT FROM dialer.roles d WHERE d.tenant_id = $2 AND d.role_id = id AND d.active)) AS roles,
           ARRAY(SELECT DISTINCT id FROM given, unnest(desk_ids) id WHERE NOT EXISTS (
               SELECT FROM dialer.desks d WHERE d.tenant_id = $2 AND d.desk_id = id)) AS desks,
           ARRAY(SELECT DISTINCT id FROM given, unnest(skill_group_ids) id WHERE NOT EXISTS (
               SELECT FROM dialer.skill_groups d WHERE d.tenant_id = $2 AND d.skill_group_id = id)) AS skill_groups,
           ARRAY(SELECT DISTINCT id FROM given, unnest(tag_ids) id WHERE NOT EXISTS (
               SELECT FROM dialer.tags d WHERE d.tenant_id = $2 AND d.tag_id = id)) AS tags
), new_users AS (
    INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, first_name, last_name,
                              sip_kind, pbx_domain_id, pbx_device, sip_uri, two_factor, max_session_minutes,
                              max_concurrent_sessions, password_hash, password_must_change, password_expires_at,
                              idempotency_key)
    SELECT $2, username, username_key, email, virtual_extension, first_name, last_name,
           $6, $7, pbx_device, sip_uri, $8, $9, $10, password_hash, true,
           -- Days of 24 hours, whatever the time zone of the session.
           date_trunc('second', now()) + $13::integer * interval '24 hours', idempotency_key
      FROM given, lost
     WHERE NOT (role_ids && lost.roles OR desk_ids && lost.desks
                OR skill_group_ids && lost.skill_groups OR tag_ids && lost.tags)
       AND ($7::bigint IS NULL OR EXISTS (
               SELECT FROM dialer.pbx_domains d WHERE d.tenant_id = $2 AND d.pbx_domain_id = $7))
     ORDER BY row_number
        ON CONFLICT DO NOTHING
    RETURNING user_id, idempotency_key
), made AS (
    SELECT given.row_number, given.idempotency_key, given.role_ids, given.desk_ids, given.skill_group_ids, given.tag_ids, new_users.user_id
      FROM given JOIN new_users USING (idempotency_key)
), with_roles AS (
    INSERT INTO dialer.user_roles SELECT $2, user_id, unnest(role_ids) FROM made
), with_desks AS (
    INSERT INTO dialer.user_desks SELECT $2, user_id, unnest(desk_ids) FROM made
), with_skill_groups AS (
    INSERT INTO dialer.user_skill_groups SELECT $2, user_id, unnest(skill_group_ids) FROM made
), with_tags AS (
    INSERT INTO dialer.user_tags SELECT $2, user_id, unnest(tag_ids) FROM made
), settled AS (
    UPDATE imports.rows r SET outcome = 'created', user_id = made.user_id, attempt = $3, source_cells = '[]'
      FROM made
     -- Not by import and number: an index with two columns leads the planner, who knows little of new rows, to
     -- read all rows of the import for each of the batch.
     WHERE r.idempotency_key = made.idempotency_key
), counted AS (
    UPDATE imports.imports i SET pending = i.pending - new.users, created = i.created + new.users
      FROM (SELECT count(*)::integer AS users FROM made) AS new
     WHERE i.import_id = $1 AND i.tenant_id = $2 AND new.users > 0
    RETURNING i.total, i.pending, i.created, i.duplicates, i.errors, i.cancelled
)
SELECT ARRAY(SELECT row_number FROM given EXCEPT SELECT row_number FROM made) AS "open!",
       (SELECT count(*)::integer FROM made) AS "new!",
       (SELECT ARRAY[total, pending, created, duplicates, errors, cancelled] FROM counted) AS counters
