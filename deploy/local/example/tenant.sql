-- The demo tenant, as it is before the first import. Run by the owner of the database; resets the tenant each time.

BEGIN;

INSERT INTO dialer.tenants (tenant_id, name, two_factor, extension_first, extension_last)
VALUES (1, 'Demo Call Centre', 'email', '0200', '0899')
    ON CONFLICT (tenant_id) DO NOTHING;

DELETE FROM dialer.users WHERE tenant_id = 1;

INSERT INTO dialer.roles (tenant_id, role_id, name, active, two_factor)
VALUES (1, 10, 'Agent', true, NULL), (1, 11, 'Supervisor', true, 'google'), (1, 12, 'Former role', false, NULL)
    ON CONFLICT DO NOTHING;
INSERT INTO dialer.desks (tenant_id, desk_id, name) VALUES (1, 20, 'Sales'), (1, 21, 'Support')
    ON CONFLICT DO NOTHING;
INSERT INTO dialer.skill_groups (tenant_id, skill_group_id, name) VALUES (1, 30, 'English'), (1, 31, 'German')
    ON CONFLICT DO NOTHING;
INSERT INTO dialer.tags (tenant_id, tag_id, name) VALUES (1, 40, 'new')
    ON CONFLICT DO NOTHING;
INSERT INTO dialer.pbx_domains (tenant_id, pbx_domain_id, domain) VALUES (1, 50, 'pbx.demo.example')
    ON CONFLICT DO NOTHING;

-- A user made by hand, who is also in the example file. Nobody can log in with this hash.
WITH existing AS (
    INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, sip_kind, password_hash)
    VALUES (1, 'existing.agent', 'existing.agent', 'existing.agent@example.com', '0999', 'webrtc',
            '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
    RETURNING user_id
)
INSERT INTO dialer.user_roles (tenant_id, user_id, role_id) SELECT 1, user_id, 10 FROM existing;

COMMIT;
