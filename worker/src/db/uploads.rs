//! Files that were uploaded through the console, and what was chosen for them so far.

use std::collections::HashMap;

use shared::contract::Id;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{convert::tenant, error::Error, pool::Db, sessions::Digest};

/// A file that waits to be imported.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its ID.
    pub upload_id: Uuid,
    /// Whose it is.
    pub tenant_id: Id,
    /// Its name on the computer that it came from.
    pub file_name: String,
    /// Where it is, and what identifies it.
    pub object: UploadedObject,
    /// What was chosen so far.
    pub choices: serde_json::Value,
    /// The last check of it.
    pub check_id: Option<Uuid>,
    /// The import that was made from it.
    pub import_id: Option<Uuid>,
    /// The import whose refused rows it holds.
    pub corrects: Option<Uuid>,
    /// When anything of it last changed.
    pub changed_at: OffsetDateTime,
}

/// An object in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedObject {
    /// Its key.
    pub key: String,
    /// Its ETag.
    pub etag: Option<String>,
    /// Its size.
    pub size_bytes: u64,
}

macro_rules! upload {
    ($row:expr) => {{
        let row = $row;
        Ok(Upload {
            upload_id: row.upload_id,
            tenant_id: tenant(row.tenant_id)?,
            file_name: row.file_name,
            object: UploadedObject {
                key: row.source_key,
                etag: row.etag,
                size_bytes: u64::try_from(row.size_bytes).unwrap_or(0),
            },
            choices: row.choices.0,
            check_id: row.check_id,
            import_id: row.import_id,
            corrects: row.corrects,
            changed_at: row.changed_at,
        })
    }};
}

impl Db {
    /// The last upload of this tenant that holds the refused rows of this import.
    pub async fn corrected_by(&self, tenant_id: Id, import_id: Uuid) -> Result<Option<Upload>, Error> {
        let found = sqlx::query!(
            r#"SELECT upload_id, tenant_id, file_name, source_key, etag, size_bytes, choices AS "choices: Json<serde_json::Value>",
                      check_id, import_id, corrects, changed_at
                 FROM console.uploads WHERE tenant_id = $1 AND corrects = $2
                ORDER BY import_id IS NULL, changed_at DESC LIMIT 1"#,
            tenant_id.get(),
            import_id,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        found.map(|row| upload!(row)).transpose()
    }

    /// Stores a new upload.
    pub async fn add_upload(&self, upload: &Upload, uploaded_by: &str) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO console.uploads
                    (upload_id, tenant_id, uploaded_by, file_name, source_key, etag, size_bytes, choices, corrects)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            upload.upload_id,
            upload.tenant_id.get(),
            uploaded_by,
            upload.file_name,
            upload.object.key,
            upload.object.etag,
            i64::try_from(upload.object.size_bytes).unwrap_or(i64::MAX),
            upload.choices,
            upload.corrects,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// An upload of this tenant.
    pub async fn upload(&self, tenant_id: Id, upload_id: Uuid) -> Result<Option<Upload>, Error> {
        let found = sqlx::query!(
            r#"SELECT upload_id, tenant_id, file_name, source_key, etag, size_bytes, choices AS "choices: Json<serde_json::Value>",
                      check_id, import_id, corrects, changed_at
                 FROM console.uploads WHERE tenant_id = $1 AND upload_id = $2"#,
            tenant_id.get(),
            upload_id,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        found.map(|row| upload!(row)).transpose()
    }

    /// The upload that an import, or a check, of this tenant was made from.
    pub async fn upload_of(&self, tenant_id: Id, import_id: Uuid) -> Result<Option<Upload>, Error> {
        let found = sqlx::query!(
            r#"SELECT upload_id, tenant_id, file_name, source_key, etag, size_bytes, choices AS "choices: Json<serde_json::Value>",
                      check_id, import_id, corrects, changed_at
                 FROM console.uploads WHERE tenant_id = $1 AND import_id = $2"#,
            tenant_id.get(),
            import_id,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        found.map(|row| upload!(row)).transpose()
    }

    /// The names of the files that these imports of the tenant were made from, as far as the console knows them.
    pub async fn file_names(
        &self,
        tenant_id: Id,
        import_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, String>, Error> {
        let found = sqlx::query!(
            r#"SELECT import_id AS "import_id!", file_name FROM console.uploads WHERE tenant_id = $1 AND import_id = ANY($2)"#,
            tenant_id.get(),
            import_ids,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(found
            .into_iter()
            .map(|row| (row.import_id, row.file_name))
            .collect())
    }

    /// The newest uploads of a tenant that were not imported.
    pub async fn open_uploads(&self, tenant_id: Id, limit: u32) -> Result<Vec<Upload>, Error> {
        let found = sqlx::query!(
            r#"SELECT upload_id, tenant_id, file_name, source_key, etag, size_bytes, choices AS "choices: Json<serde_json::Value>",
                      check_id, import_id, corrects, changed_at
                 FROM console.uploads
                WHERE tenant_id = $1 AND import_id IS NULL
                ORDER BY changed_at DESC LIMIT $2"#,
            tenant_id.get(),
            i64::from(limit),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        found.into_iter().map(|row| upload!(row)).collect()
    }

    /// Stores what was chosen; `false` if it is imported already.
    pub async fn choose(&self, upload: &Upload, choices: &serde_json::Value) -> Result<bool, Error> {
        let changed = sqlx::query!(
            "UPDATE console.uploads SET choices = $3, changed_at = now()
              WHERE tenant_id = $1 AND upload_id = $2 AND import_id IS NULL",
            upload.tenant_id.get(),
            upload.upload_id,
            choices,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Replaces the file of an upload by a corrected one, with what is chosen for it; `false` if it is imported
    /// already, or has been replaced by now.
    pub async fn replace_upload(
        &self,
        upload: &Upload,
        object: &UploadedObject,
        choices: &serde_json::Value,
    ) -> Result<bool, Error> {
        let changed = sqlx::query!(
            "UPDATE console.uploads
                SET source_key = $3, etag = $4, size_bytes = $5, choices = $6, changed_at = now()
              WHERE tenant_id = $1 AND upload_id = $2 AND import_id IS NULL AND source_key = $7",
            upload.tenant_id.get(),
            upload.upload_id,
            object.key,
            object.etag,
            i64::try_from(object.size_bytes).unwrap_or(i64::MAX),
            choices,
            upload.object.key,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Records the check of an upload.
    pub async fn set_check(&self, upload: &Upload, check_id: Uuid) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE console.uploads SET check_id = $3, changed_at = now()
              WHERE tenant_id = $1 AND upload_id = $2 AND import_id IS NULL",
            upload.tenant_id.get(),
            upload.upload_id,
            check_id,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Records the import of an upload, once: returns the first ID that was given; `None` if the upload has another
    /// file by now.
    pub async fn claim_import(&self, upload: &Upload, import_id: Uuid) -> Result<Option<Uuid>, Error> {
        let claimed = sqlx::query_scalar!(
            r#"UPDATE console.uploads
                  SET import_id = coalesce(import_id, $3), changed_at = now()
                WHERE tenant_id = $1 AND upload_id = $2 AND (import_id IS NOT NULL OR source_key = $4)
               RETURNING import_id AS "import_id!""#,
            upload.tenant_id.get(),
            upload.upload_id,
            import_id,
            upload.object.key,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        Ok(claimed)
    }

    /// What the tenant last chose for a file with this header.
    pub async fn remembered(
        &self,
        tenant_id: Id,
        header: &Digest,
    ) -> Result<Option<serde_json::Value>, Error> {
        let found = sqlx::query_scalar!(
            "SELECT choices FROM console.mappings WHERE tenant_id = $1 AND header = $2",
            tenant_id.get(),
            header,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        Ok(found)
    }

    /// Remembers what was chosen for a file with this header.
    pub async fn remember(
        &self,
        tenant_id: Id,
        header: &Digest,
        choices: &serde_json::Value,
    ) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO console.mappings (tenant_id, header, choices) VALUES ($1, $2, $3)
             ON CONFLICT (tenant_id, header) DO UPDATE SET choices = $3, changed_at = now()",
            tenant_id.get(),
            header,
            choices,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Uploads that nobody has touched for this many days: their IDs, and their objects if no import was made from
    /// them.
    pub async fn old_uploads(&self, days: i32) -> Result<Vec<(Uuid, Option<String>)>, Error> {
        let found = sqlx::query!(
            r#"SELECT upload_id, CASE WHEN import_id IS NULL THEN source_key END AS source_key
                 FROM console.uploads WHERE changed_at < now() - make_interval(days => $1)
                ORDER BY changed_at LIMIT 100"#,
            days,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(found
            .into_iter()
            .map(|row| (row.upload_id, row.source_key))
            .collect())
    }

    /// Forgets an upload; `false` if it is imported already.
    pub async fn discard(&self, upload: &Upload) -> Result<bool, Error> {
        let discarded = sqlx::query!(
            "DELETE FROM console.uploads WHERE tenant_id = $1 AND upload_id = $2 AND import_id IS NULL",
            upload.tenant_id.get(),
            upload.upload_id,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(discarded.rows_affected() == 1)
    }

    /// Whether nobody has touched an upload for this many days.
    pub async fn is_old_upload(&self, upload_id: Uuid, days: i32) -> Result<bool, Error> {
        let is_old = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM console.uploads
                               WHERE upload_id = $1 AND changed_at < now() - make_interval(days => $2)) AS "is_old!""#,
            upload_id,
            days,
        );
        Ok(is_old.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Forgets an upload that nobody has touched for this many days.
    pub async fn forget_upload(&self, upload_id: Uuid, days: i32) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM console.uploads WHERE upload_id = $1 AND changed_at < now() - make_interval(days => $2)",
            upload_id,
            days,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
