-- The order of columns in what makes users unique. Every insert into a join table looks its user up by (tenant_id, user_id).
-- While the statistics know little of a tenant that is just being filled, the planner finds every index that begins with
-- tenant_id as good for that as users_of_tenant, takes one of the others, and reads all users of the tenant each time: more than half
-- of what an import cost the database. Indexes that begin with the other column leave it no choice.

-- Locks the users while the indexes are built, about a second for each million of them.
SET LOCAL statement_timeout = 0;

ALTER TABLE dialer.users
    DROP CONSTRAINT users_username,
    DROP CONSTRAINT users_email,
    DROP CONSTRAINT users_virtual_extension,
    ADD CONSTRAINT users_username UNIQUE (username_key, tenant_id),
    ADD CONSTRAINT users_email UNIQUE (email_key, tenant_id),
    ADD CONSTRAINT users_virtual_extension UNIQUE (virtual_extension, tenant_id);
