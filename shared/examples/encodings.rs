//! Says for each file in a folder how it would be read: its name, and the encoding or the code of the rejection. For
//! `tests/encodings/measure.py`.

#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::{env, error::Error, fs};

use shared::{file, limits::Limits};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args().nth(1).ok_or("usage: encodings FOLDER")?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let read = file::read(&fs::read(entry.path())?, None, &Limits::default());
        let found = match &read {
            Ok(upload) => upload.encoding.as_str(),
            Err(rejection) => rejection.code.as_str(),
        };
        let name = entry.file_name();
        let message = read
            .as_ref()
            .err()
            .map_or("", |rejection| rejection.event_message());
        println!("{}\t{found}\t{message}", name.to_string_lossy());
    }
    Ok(())
}
