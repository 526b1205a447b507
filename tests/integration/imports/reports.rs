//! Both reports as their readers use them: corrected and uploaded again, and opened in a spreadsheet.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use kit::{Worker, final_data, in_world, summary};

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_error_csv_creates_the_remaining_users_as_it_is() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        // From a spreadsheet of another country, with everything that a report has to reproduce.
        let file = "sep=;\r\nLogin;E-Mail;Ext;Role;Notiz\r\nann;ann@example.com;0042;10;=1+1\r\n\
                    zoë;zoe@;0043;10;\"zwei\r\nZeilen; \"\"und\"\" mehr\"\r\n\r\nbob;bob@example.com;1,001;99;'=2\r\n\
                    Ann;ann2@example.com;0044;10;@x\r\n";
        let event = world.import(tenant, file).await;
        assert_eq!(
            final_data(&event, "completed")["summary"],
            summary(1, 1, 2)
        );
        let report = String::from_utf8(world.reports(&event).await.errors).unwrap();

        // Only the cells are corrected: byte order mark, appended columns and guards stay where they are.
        let corrected = report
            .replacen("zoe@,", "zoe@example.com,", 1)
            .replacen("\"1,001\",99", "0045,11", 1)
            .replacen("\r\nAnn,", "\r\nanne,", 1);
        let event = world.import(tenant, corrected).await;
        assert_eq!(
            final_data(&event, "completed")["summary"],
            summary(3, 0, 0)
        );
        let users: Vec<(String, String)> =
            world.rows("SELECT username, virtual_extension FROM dialer.users ORDER BY virtual_extension").await;
        let expected = [("ann", "0042"), ("zoë", "0043"), ("anne", "0044"), ("bob", "0045")];
        assert_eq!(users, expected.map(|(name, number)| (name.to_owned(), number.to_owned())));

        // Uploaded once more as it was: the same people, now all duplicates.
        let again = world.import(tenant, report).await;
        let names = world.reports(&again).await.error_rows();
        assert_eq!(names[0][..5], ["zoë", "zoe@", "0043", "10", "zwei\r\nZeilen; \"und\" mehr"]);
        assert_eq!(names[1][4], "'=2", "the guard is not doubled");
    })
    .await;
}

/// LibreOffice without its window, if it is installed.
fn soffice() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join("soffice"))
        .find(|program| program.exists())
}

fn convert(soffice: &Path, scratch: &Path, file: &Path, to: &str, import: &str) -> PathBuf {
    let out = scratch.join(format!(
        "converted-{}",
        file.extension().unwrap().to_str().unwrap()
    ));
    let ran = Command::new(soffice)
        .arg(format!(
            "-env:UserInstallation=file://{}/office",
            scratch.display()
        ))
        .arg("--headless")
        .args((!import.is_empty()).then(|| format!("--infilter=CSV:{import}")))
        .args(["--convert-to", to, "--outdir"])
        .args([&out, file])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let extension = to.split(':').next().unwrap();
    out.join(file.file_name().unwrap()).with_extension(extension)
}

#[tokio::test(flavor = "multi_thread")]
async fn libreoffice_runs_no_cell_and_gives_back_every_zero() {
    let Some(soffice) = soffice() else {
        eprintln!("NOT RUN: soffice is not installed (Debian: libreoffice-calc)");
        return;
    };
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        // Every row has an error in its e-mail address, and otherwise values that spreadsheets like to change.
        let notes = [
            "=1+1",
            "+49 30 1234",
            "-5",
            "@SUM(A1)",
            "\t=1",
            "'=1",
            "＝1+1",
            "=HYPERLINK(\"http://x\")",
            "0012",
        ];
        let rows: String = notes
            .iter()
            .enumerate()
            .map(|(n, note)| format!("u{n},u{n}@,{:04},10,\"{}\"\n", 40 + n, note.replace('"', "\"\"")))
            .collect();
        let file = format!("Username,Email,Ext,Role,Note\nok,ok@example.com,0039,10,x\n{rows}");
        let reports = world.verified_reports(&world.import(tenant, file).await).await;
        let errors = world.scratch_file("errors.csv", &reports.errors);
        let success = world.scratch_file("success.csv", &reports.success);

        // Plain, as a double click opens it, and with all columns as text, as the documentation says.
        let plain = "44,34,76,1";
        let text = format!(
            "{plain},{}",
            (1..=10).map(|n| format!("{n}/2")).collect::<Vec<_>>().join("/")
        );
        for (file, import) in [
            (&errors, plain),
            (&errors, &text),
            (&success, plain),
            (&success, &text),
        ] {
            let sheet = convert(&soffice, world.scratch(), file, "fods", import);
            let sheet = std::fs::read_to_string(sheet).unwrap();
            assert!(sheet.contains("<table:table-cell"), "a sheet");
            assert!(
                !sheet.contains("table:formula"),
                "{}: a cell became a formula",
                file.display()
            );
        }

        let sheet = convert(&soffice, world.scratch(), &errors, "ods", &text);
        let saved = convert(
            &soffice,
            world.scratch(),
            &sheet,
            "csv:Text - txt - csv (StarCalc):44,34,76,1",
            "",
        );
        let saved = std::fs::read_to_string(saved).unwrap();
        assert!(saved.contains("0040"), "{saved}");
        let corrected = (0..notes.len()).fold(saved, |csv, n| {
            csv.replace(&format!("u{n}@\""), &format!("u{n}@example.com\""))
        });
        let event = world.import(tenant, corrected).await;
        assert_eq!(
            final_data(&event, "completed")["summary"]["created"],
            notes.len(),
            "{event}"
        );
        let numbers: Vec<String> = world
            .values("SELECT virtual_extension FROM dialer.users ORDER BY virtual_extension")
            .await;
        let expected: Vec<String> = (39..40 + notes.len())
            .map(|number| format!("{number:04}"))
            .collect();
        assert_eq!(numbers, expected);
    })
    .await;
}
