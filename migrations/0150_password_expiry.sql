-- Temporary passwords expire. Users that were there before, and those that workers of earlier versions make, have no expiry.

ALTER TABLE dialer.users ADD COLUMN password_expires_at timestamptz;
COMMENT ON COLUMN dialer.users.password_expires_at IS
    'When a temporary password ends: from then on a login is refused while password_must_change is true. NULL: never. Whole seconds, as the success CSV shows it.';

ALTER TABLE imports.imports ADD COLUMN passwords_expire_at timestamptz;
COMMENT ON COLUMN imports.imports.passwords_expire_at IS
    'When the first of the passwords in the attempt''s success CSV expires; NULL until the attempt is completed, and where no user was created.';

-- The report reads it from the users that it lists.
GRANT SELECT (password_expires_at) ON dialer.users TO user_import_worker;
