use std::{fs, io, process::Command, thread};

fn say(attempt: &str, fine: bool) {
    println!("{{\"attempt\":\"{attempt}\",\"result\":\"{}\"}}", if fine { "ok" } else { "wrong" });
}

fn main() -> io::Result<()> {
    fs::write("a", vec![7_u8; 300_000])?;
    let copied = io::copy(&mut fs::File::open("a")?, &mut fs::File::create("b")?)?;
    say("file-to-file", copied == 300_000);
    let mut child = Command::new("cat").arg("a").stdout(std::process::Stdio::piped()).spawn()?;
    let mut out = child.stdout.take().ok_or(io::ErrorKind::Other)?;
    let copied = io::copy(&mut out, &mut fs::File::create("c")?)?;
    child.wait()?;
    say("pipe-to-file", copied == 300_000);
    let total: u32 = (0..4).map(|n| thread::spawn(move || n * n)).filter_map(|t| t.join().ok()).sum();
    say("threads", total == 14);
    Ok(())
}
