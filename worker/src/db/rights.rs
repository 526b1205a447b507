//! What a log-in may do with our schemas, tables, columns, sequences and functions, compared with what its work needs.
//!
//! What it needs is listed in a file for each group of log-ins, as the migrations grant it. A test compares the files
//! with a migrated database.

use std::collections::BTreeSet;

use super::{error::Error, pool::Db};

/// The groups that the migrations create; every log-in of ours is a member of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The log-in of workers.
    Worker,
    /// That of operators, for what their commands delete and pause.
    Operator,
    /// That of the console.
    Console,
}

impl Group {
    /// The name of the role.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Worker => "user_import_worker",
            Self::Operator => "user_import_operator",
            Self::Console => "user_import_console",
        }
    }

    fn needed(self) -> BTreeSet<String> {
        let list = match self {
            Self::Worker => include_str!("rights/worker.txt"),
            Self::Operator => include_str!("rights/operator.txt"),
            Self::Console => include_str!("rights/console.txt"),
        };
        list.lines().map(str::to_owned).collect()
    }
}

/// Who is logged in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name of its role.
    pub role: String,
    /// Whether it may do everything.
    pub is_superuser: bool,
}

/// How a log-in's rights differ from those of its group, each as `SELECT on dialer.roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsDifference {
    /// What it must be able to do and cannot.
    pub missing: Vec<String>,
    /// What it can do and need not.
    pub excess: Vec<String>,
}

impl Db {
    /// Who is logged in.
    pub async fn login(&self) -> Result<Login, Error> {
        let login = sqlx::query_as!(
            Login,
            r#"SELECT rolname::text AS "role!", rolsuper AS "is_superuser!" FROM pg_roles WHERE rolname = current_user"#
        );
        Ok(login.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Compares the rights of this log-in with those that members of the group need. To be called only if the schema is
    /// that of this program.
    pub async fn compare_rights(&self, group: Group) -> Result<RightsDifference, Error> {
        let (needed, rights) = (group.needed(), self.rights().await?);
        // A right on a whole table covers each of its columns.
        let is_covered = |right: &&String| whole(right).is_some_and(|whole| rights.contains(&whole));
        let missing = needed.difference(&rights).filter(|right| !is_covered(right));
        Ok(RightsDifference {
            missing: missing.cloned().collect(),
            excess: rights.difference(&needed).cloned().collect(),
        })
    }

    /// All rights of this log-in, those of its groups and of PUBLIC included.
    pub async fn rights(&self) -> Result<BTreeSet<String>, Error> {
        let rights = sqlx::query_scalar!(
            r#"WITH schemas AS (SELECT oid, nspname FROM pg_namespace WHERE nspname IN ('dialer', 'imports', 'console')),
                    relations AS (SELECT c.oid, relkind, format('%I.%I', nspname, relname) AS name
                                    FROM pg_class c JOIN schemas ON schemas.oid = relnamespace),
                    tables AS (SELECT oid, name, privilege, has_table_privilege(oid, privilege) AS whole
                                 FROM relations,
                                      unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) privilege
                                WHERE relkind IN ('r', 'p', 'v', 'm', 'f'))
               SELECT format('%s on schema %I', privilege, nspname) AS "right!"
                 FROM schemas, unnest('{USAGE,CREATE}'::text[]) privilege WHERE has_schema_privilege(oid, privilege)
               UNION ALL
               SELECT format('%s on %s', privilege, name) FROM tables WHERE whole
               UNION ALL
               SELECT format('%s (%I) on %s', privilege, attname, name)
                 FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
                WHERE NOT whole AND privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                  AND has_column_privilege(oid, attnum, privilege)
               UNION ALL
               SELECT format('%s on sequence %s', privilege, name)
                 FROM relations, unnest('{USAGE,SELECT,UPDATE}'::text[]) privilege
                -- Which of the conditions is asked first is PostgreSQL's choice.
                WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege(oid, privilege) ELSE false END
               UNION ALL
               SELECT format('EXECUTE on %I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(p.oid))
                 FROM pg_proc p JOIN schemas ON schemas.oid = pronamespace
                WHERE has_function_privilege(p.oid, 'EXECUTE')
                  -- Functions of triggers run whoever may call them; those of the Dialer and of extensions are not ours.
                  AND prorettype <> 'trigger'::regtype AND (nspname <> 'dialer' OR prosecdef)
                  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"#
        );
        let rights = rights.fetch_all(&mut *self.pool.acquire().await?).await?;
        Ok(rights.into_iter().collect())
    }
}

/// The right on the whole table that corresponds to one on a column.
fn whole(right: &str) -> Option<String> {
    let (privilege, rest) = right.split_once(" (")?;
    let (_, table) = rest.split_once(')')?;
    Some(format!("{privilege}{table}"))
}
