//! Tells cargo that the program embeds the migrations: without it, a new file among them would not be noticed.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
