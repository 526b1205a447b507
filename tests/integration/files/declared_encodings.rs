//! Files in an encoding that has to be declared, by the commands that people use.

use kit::{Worker, in_world};

/// `Username,Email,Ext,Role,First Name` with `Иван` in Windows-1251.
fn russian() -> Vec<u8> {
    let mut file = b"Username,Email,Ext,Role,First Name\r\nivan,ivan@example.com,0301,10,".to_vec();
    file.extend([0xC8, 0xE2, 0xE0, 0xED]);
    file.extend(b"\r\n");
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_imports_a_file_in_the_encoding_that_it_declares() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await.id.to_string();
        let file = world.scratch_file("users.csv", russian());
        let submit = ["submit", file.to_str().unwrap(), "--tenant", &tenant, "--wait"];
        let undeclared = world.user_import(&submit).await;
        assert_eq!(undeclared.code, Some(4), "{undeclared:?}");
        assert!(
            undeclared.out.contains("Windows-1251") && undeclared.out.contains("windows-1251"),
            "{undeclared:?}"
        );
        let declared = world
            .user_import(&[submit.as_slice(), &["--encoding", "cp1251"]].concat())
            .await;
        assert_eq!(declared.code, Some(0), "{declared:?}");
        let name: String = world.value("SELECT first_name FROM dialer.users").await;
        assert_eq!(name, "Иван");
        let unknown = world
            .user_import(&[submit.as_slice(), &["--encoding", "cp850"]].concat())
            .await;
        assert_eq!(unknown.code, Some(2), "{unknown:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_reads_a_file_in_the_encoding_that_it_declares() {
    in_world(async |world| {
        let file = world.scratch_file("users.csv", russian());
        let columns = ["columns", file.to_str().unwrap()];
        let undeclared = world.json_of(&columns, 4).await;
        assert_eq!(undeclared["rejections"][0]["code"], "undecodable");
        let declared = world
            .json_of(&[columns.as_slice(), &["--encoding", "windows-1251"]].concat(), 0)
            .await;
        assert_eq!(declared["encoding"], "windows-1251");
        assert_eq!(declared["suggested"]["first_name"], "First Name");
        // UTF-8 that is declared as something else would be read wrong.
        let file = world.scratch_file("utf8.csv", "Username,Email,First Name\nivan,i@example.com,Иван\n");
        let contradicted = ["columns", file.to_str().unwrap(), "--encoding", "windows-1251"];
        assert_eq!(
            world.json_of(&contradicted, 4).await["rejections"][0]["code"],
            "undecodable"
        );
    })
    .await;
}
