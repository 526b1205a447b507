//! TLS to all three servers; a certificate of another authority, or for another name, is refused.

use kit::{Authority, TlsFront, World, authority, in_world};
use worker::{
    broker::{self, declare},
    db::{self, Db},
    storage::{self, Fetched, Storage},
};

/// The three servers behind TLS, and what a client that trusts the authority in the file says.
async fn reach(
    world: &World,
    server: &Authority,
    name: &str,
    trusted: &Authority,
) -> [Result<(), String>; 3] {
    let path = world.scratch_file("ca.pem", trusted.pem()).display().to_string();
    let (database, broker, storage) = world.servers();
    let front = async |url: &str, is_postgres| {
        let behind = TlsFront::start(server, name, authority(url).to_owned(), is_postgres).await;
        url.replacen(authority(url), &behind.address.to_string(), 1)
    };
    let url = front(database.database_url.expose(), true).await;
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={path}",
        url.split('?').next().unwrap()
    );
    let db = Db::new(&db::Options {
        database_url: url.parse().unwrap(),
        ..database
    })
    .unwrap();
    let url = front(broker.amqp_url.expose(), false)
        .await
        .replacen("amqp:", "amqps:", 1);
    let broker = broker::Options {
        amqp_url: url.parse().unwrap(),
        amqp_ca_file: Some(path.parse().unwrap()),
        ..broker
    };
    let endpoint = front(storage.endpoint.expose(), false)
        .await
        .replacen("http:", "https:", 1);
    let storage = Storage::new(&storage::Options {
        endpoint: endpoint.parse().unwrap(),
        ca_file: Some(path.parse().unwrap()),
        ..storage
    })
    .unwrap();
    [
        db.check().await.map_err(|error| error.to_string()),
        declare(&broker).await.map_err(|error| error.to_string()),
        storage
            .get("nothing", 1)
            .await
            .map_err(|error| error.to_string())
            .map(|found| {
                assert_eq!(found, Fetched::Missing);
            }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_trusted_authority_is_accepted() {
    in_world(async |world| {
        let ours = Authority::new();
        assert_eq!(
            reach(world, &ours, "127.0.0.1", &ours).await,
            [Ok(()), Ok(()), Ok(())]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_or_for_another_name_is_refused() {
    in_world(async |world| {
        let (ours, other) = (Authority::new(), Authority::new());
        for (server, name) in [(&other, "127.0.0.1"), (&ours, "elsewhere.example.com")] {
            for refused in reach(world, server, name, &ours).await {
                let error = refused.unwrap_err();
                let why = error.to_lowercase();
                assert!(why.contains("certificate"), "{error}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_no_file_of_authorities() {
    in_world(async |world| {
        let path = world.scratch_file("empty.pem", b"nothing").display().to_string();
        let ran = world.user_import(&["topology", "--amqp-ca-file", &path]).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.error.contains("holds no certificate"), "{ran:?}");
    })
    .await;
}
