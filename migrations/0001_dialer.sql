-- What the Dialer owns and an import reads or writes. Every reference is a composite key with the tenant in it,
-- so that no row can point across tenants.

CREATE SCHEMA dialer;
COMMENT ON SCHEMA dialer IS 'The Dialer''s own data: tenants, what they own, and their users.';

CREATE TABLE dialer.tenants (
    tenant_id       bigint PRIMARY KEY CHECK (tenant_id > 0),
    name            text NOT NULL,
    two_factor      text NOT NULL DEFAULT 'disabled' CHECK (two_factor IN ('disabled', 'email', 'google')),
    extension_first text CHECK (extension_first ~ '^[0-9]{2,10}$'),
    extension_last  text CHECK (extension_last ~ '^[0-9]{2,10}$'),
    CONSTRAINT tenants_extension_range CHECK (
        (extension_first IS NULL AND extension_last IS NULL)
        OR (length(extension_first) = length(extension_last)
            AND extension_first COLLATE "C" <= extension_last COLLATE "C")
    )
);
COMMENT ON TABLE dialer.tenants IS 'Customers of the Dialer. Nothing ever crosses from one to another.';
COMMENT ON COLUMN dialer.tenants.tenant_id IS 'Positive number, chosen by the Dialer.';
COMMENT ON COLUMN dialer.tenants.name IS 'Name shown to people.';
COMMENT ON COLUMN dialer.tenants.two_factor IS 'Two-factor authentication where neither user nor role says otherwise.';
COMMENT ON COLUMN dialer.tenants.extension_first IS
    'First number of the range from which virtual extensions are generated; text, so leading zeros stay. NULL: none are generated.';
COMMENT ON COLUMN dialer.tenants.extension_last IS 'Last number of that range, of the same length.';

CREATE TABLE dialer.roles (
    tenant_id  bigint NOT NULL REFERENCES dialer.tenants,
    role_id    bigint NOT NULL CHECK (role_id > 0),
    name       text NOT NULL,
    active     boolean NOT NULL DEFAULT true,
    two_factor text CHECK (two_factor IN ('disabled', 'email', 'google')),
    PRIMARY KEY (tenant_id, role_id)
);
COMMENT ON TABLE dialer.roles IS 'Roles of a tenant''s users.';
COMMENT ON COLUMN dialer.roles.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.roles.role_id IS 'The ID that administrators copy into their files.';
COMMENT ON COLUMN dialer.roles.name IS 'Name shown to people.';
COMMENT ON COLUMN dialer.roles.active IS 'Users can be given active roles only.';
COMMENT ON COLUMN dialer.roles.two_factor IS 'Two-factor authentication of users with this role; NULL leaves it to the tenant.';

CREATE TABLE dialer.desks (
    tenant_id bigint NOT NULL REFERENCES dialer.tenants,
    desk_id   bigint NOT NULL CHECK (desk_id > 0),
    name      text NOT NULL,
    PRIMARY KEY (tenant_id, desk_id)
);
COMMENT ON TABLE dialer.desks IS 'User desks of a tenant.';
COMMENT ON COLUMN dialer.desks.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.desks.desk_id IS 'The ID that administrators copy into their files.';
COMMENT ON COLUMN dialer.desks.name IS 'Name shown to people.';

CREATE TABLE dialer.skill_groups (
    tenant_id      bigint NOT NULL REFERENCES dialer.tenants,
    skill_group_id bigint NOT NULL CHECK (skill_group_id > 0),
    name           text NOT NULL,
    PRIMARY KEY (tenant_id, skill_group_id)
);
COMMENT ON TABLE dialer.skill_groups IS 'Skill groups of a tenant.';
COMMENT ON COLUMN dialer.skill_groups.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.skill_groups.skill_group_id IS 'The ID that administrators copy into their files.';
COMMENT ON COLUMN dialer.skill_groups.name IS 'Name shown to people.';

CREATE TABLE dialer.tags (
    tenant_id bigint NOT NULL REFERENCES dialer.tenants,
    tag_id    bigint NOT NULL CHECK (tag_id > 0),
    name      text NOT NULL,
    PRIMARY KEY (tenant_id, tag_id)
);
COMMENT ON TABLE dialer.tags IS 'Tags of a tenant''s users.';
COMMENT ON COLUMN dialer.tags.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.tags.tag_id IS 'The ID that administrators copy into their files.';
COMMENT ON COLUMN dialer.tags.name IS 'Name shown to people.';

CREATE TABLE dialer.pbx_domains (
    tenant_id     bigint NOT NULL REFERENCES dialer.tenants,
    pbx_domain_id bigint NOT NULL CHECK (pbx_domain_id > 0),
    domain        text NOT NULL,
    PRIMARY KEY (tenant_id, pbx_domain_id)
);
COMMENT ON TABLE dialer.pbx_domains IS 'Classic PBX domains of a tenant.';
COMMENT ON COLUMN dialer.pbx_domains.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.pbx_domains.pbx_domain_id IS 'Number of the domain, as a job names it.';
COMMENT ON COLUMN dialer.pbx_domains.domain IS 'Host name of the PBX domain.';

CREATE TABLE dialer.users (
    user_id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id                bigint NOT NULL REFERENCES dialer.tenants,
    username                 text NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    username_key             text NOT NULL,
    email                    text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_key                text NOT NULL GENERATED ALWAYS AS (lower(email)) STORED,
    virtual_extension        text NOT NULL CHECK (virtual_extension ~ '^[0-9]{2,10}$'),
    first_name               text CHECK (length(first_name) BETWEEN 1 AND 100),
    last_name                text CHECK (length(last_name) BETWEEN 1 AND 100),
    sip_kind                 text NOT NULL CHECK (sip_kind IN ('webrtc', 'classic_pbx', 'custom_uri', 'builtin_pbx')),
    pbx_domain_id            bigint,
    pbx_device               text CHECK (pbx_device ~ '^[0-9]+$'),
    sip_uri                  text CHECK (length(sip_uri) BETWEEN 1 AND 260),
    two_factor               text CHECK (two_factor IN ('disabled', 'email', 'google')),
    max_session_minutes      bigint CHECK (max_session_minutes > 0),
    max_concurrent_sessions  bigint CHECK (max_concurrent_sessions > 0),
    password_hash            text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    password_must_change     boolean NOT NULL DEFAULT true,
    created_at               timestamptz NOT NULL DEFAULT now(),
    idempotency_key          uuid,
    CONSTRAINT users_of_tenant UNIQUE (tenant_id, user_id),
    CONSTRAINT users_username UNIQUE (tenant_id, username_key),
    CONSTRAINT users_email UNIQUE (tenant_id, email_key),
    CONSTRAINT users_virtual_extension UNIQUE (tenant_id, virtual_extension),
    CONSTRAINT users_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT users_pbx_domain FOREIGN KEY (tenant_id, pbx_domain_id) REFERENCES dialer.pbx_domains,
    CONSTRAINT users_classic_pbx CHECK (
        (sip_kind = 'classic_pbx') = (pbx_domain_id IS NOT NULL AND pbx_device IS NOT NULL)
        AND (pbx_domain_id IS NULL) = (pbx_device IS NULL)
    ),
    CONSTRAINT users_custom_uri CHECK ((sip_kind = 'custom_uri') = (sip_uri IS NOT NULL))
);
COMMENT ON TABLE dialer.users IS 'Users of the Dialer.';
COMMENT ON COLUMN dialer.users.user_id IS 'The user''s ID, as the success CSV shows it.';
COMMENT ON COLUMN dialer.users.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.users.username IS 'Login name in NFKC.';
COMMENT ON COLUMN dialer.users.username_key IS
    'Login name in NFKC after full Unicode case folding: what makes it unique in the tenant. PostgreSQL 15 cannot fold, so the writer does.';
COMMENT ON COLUMN dialer.users.email IS 'E-mail address, an international domain in its ASCII form.';
COMMENT ON COLUMN dialer.users.email_key IS 'E-mail address in lower case: what makes it unique in the tenant.';
COMMENT ON COLUMN dialer.users.virtual_extension IS 'Digits as text, so leading zeros stay; unique in the tenant.';
COMMENT ON COLUMN dialer.users.first_name IS 'First name, if known.';
COMMENT ON COLUMN dialer.users.last_name IS 'Last name, if known.';
COMMENT ON COLUMN dialer.users.sip_kind IS 'How the user makes calls.';
COMMENT ON COLUMN dialer.users.pbx_domain_id IS 'classic_pbx only: the PBX domain.';
COMMENT ON COLUMN dialer.users.pbx_device IS 'classic_pbx only: the device on it, digits as text.';
COMMENT ON COLUMN dialer.users.sip_uri IS 'custom_uri only: the SIP URI.';
COMMENT ON COLUMN dialer.users.two_factor IS 'The user''s own setting; NULL leaves it to the roles, then to the tenant.';
COMMENT ON COLUMN dialer.users.max_session_minutes IS 'Longest session in minutes; NULL is unlimited.';
COMMENT ON COLUMN dialer.users.max_concurrent_sessions IS 'Most sessions at one time; NULL is unlimited.';
COMMENT ON COLUMN dialer.users.password_hash IS 'Argon2id in PHC string format. No password is stored anywhere.';
COMMENT ON COLUMN dialer.users.password_must_change IS 'Whether the next login asks for a new password; true for a temporary one.';
COMMENT ON COLUMN dialer.users.created_at IS 'When the user was created.';
COMMENT ON COLUMN dialer.users.idempotency_key IS
    'Key of the import row that became this user; NULL if made by hand. Unique: a row becomes at most one user.';

CREATE TABLE dialer.user_roles (
    tenant_id bigint NOT NULL,
    user_id   bigint NOT NULL,
    role_id   bigint NOT NULL,
    PRIMARY KEY (tenant_id, user_id, role_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES dialer.users (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, role_id) REFERENCES dialer.roles
);
COMMENT ON TABLE dialer.user_roles IS 'Which roles a user has; at least one.';
COMMENT ON COLUMN dialer.user_roles.tenant_id IS 'Owner of both.';
COMMENT ON COLUMN dialer.user_roles.user_id IS 'The user.';
COMMENT ON COLUMN dialer.user_roles.role_id IS 'The role.';

CREATE TABLE dialer.user_desks (
    tenant_id bigint NOT NULL,
    user_id   bigint NOT NULL,
    desk_id   bigint NOT NULL,
    PRIMARY KEY (tenant_id, user_id, desk_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES dialer.users (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, desk_id) REFERENCES dialer.desks
);
COMMENT ON TABLE dialer.user_desks IS 'Which desks a user sits at.';
COMMENT ON COLUMN dialer.user_desks.tenant_id IS 'Owner of both.';
COMMENT ON COLUMN dialer.user_desks.user_id IS 'The user.';
COMMENT ON COLUMN dialer.user_desks.desk_id IS 'The desk.';

CREATE TABLE dialer.user_skill_groups (
    tenant_id      bigint NOT NULL,
    user_id        bigint NOT NULL,
    skill_group_id bigint NOT NULL,
    PRIMARY KEY (tenant_id, user_id, skill_group_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES dialer.users (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, skill_group_id) REFERENCES dialer.skill_groups
);
COMMENT ON TABLE dialer.user_skill_groups IS 'Which skill groups a user is in.';
COMMENT ON COLUMN dialer.user_skill_groups.tenant_id IS 'Owner of both.';
COMMENT ON COLUMN dialer.user_skill_groups.user_id IS 'The user.';
COMMENT ON COLUMN dialer.user_skill_groups.skill_group_id IS 'The skill group.';

CREATE TABLE dialer.user_tags (
    tenant_id bigint NOT NULL,
    user_id   bigint NOT NULL,
    tag_id    bigint NOT NULL,
    PRIMARY KEY (tenant_id, user_id, tag_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES dialer.users (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, tag_id) REFERENCES dialer.tags
);
COMMENT ON TABLE dialer.user_tags IS 'Which tags a user has.';
COMMENT ON COLUMN dialer.user_tags.tenant_id IS 'Owner of both.';
COMMENT ON COLUMN dialer.user_tags.user_id IS 'The user.';
COMMENT ON COLUMN dialer.user_tags.tag_id IS 'The tag.';

CREATE VIEW dialer.effective_two_factor AS
SELECT u.tenant_id,
       u.user_id,
       coalesce(
           u.two_factor,
           (SELECT r.two_factor
              FROM dialer.user_roles ur
              JOIN dialer.roles r ON r.tenant_id = ur.tenant_id AND r.role_id = ur.role_id
             WHERE ur.tenant_id = u.tenant_id AND ur.user_id = u.user_id AND r.two_factor IS NOT NULL
             ORDER BY array_position(ARRAY ['google', 'email', 'disabled'], r.two_factor)
             LIMIT 1),
           t.two_factor
       ) AS two_factor
  FROM dialer.users u
  JOIN dialer.tenants t ON t.tenant_id = u.tenant_id;
COMMENT ON VIEW dialer.effective_two_factor IS
    'What a login asks for: the user''s own setting, else the strictest of the roles'' (google, email, disabled), else the tenant''s.';
COMMENT ON COLUMN dialer.effective_two_factor.tenant_id IS 'Owner.';
COMMENT ON COLUMN dialer.effective_two_factor.user_id IS 'The user.';
COMMENT ON COLUMN dialer.effective_two_factor.two_factor IS 'disabled, email or google.';
