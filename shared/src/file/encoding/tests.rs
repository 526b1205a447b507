//! Which files are decoded as what, and which are rejected.

use super::*;

fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf16be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn after(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    [prefix, rest].concat()
}

#[track_caller]
fn assert_undecodable(bytes: &[u8], hint: &str) {
    let rejection = decode(bytes, None).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::Undecodable);
    assert!(
        rejection.message.contains(hint),
        "{rejection} does not contain {hint:?}"
    );
    assert!(rejection.message.contains("CSV UTF-8"), "{rejection}");
}

#[test]
fn text_is_decoded_as_its_byte_order_mark_or_its_bytes_say() {
    let text = "Jörg;Зоя;𝒳;€\n";
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), Encoding::UTF_8),
        (after(b"\xEF\xBB\xBF", text.as_bytes()), Encoding::UTF_8),
        (after(b"\xFF\xFE", &utf16le(text)), Encoding::UTF_16LE),
        (after(b"\xFE\xFF", &utf16be(text)), Encoding::UTF_16BE),
    ] {
        assert_eq!(decode(&bytes, None), Ok((text.into(), encoding)), "{bytes:?}");
    }
    assert_eq!(
        decode(b"J\xF6rg \x80\x9F", None),
        Ok(("Jörg €Ÿ".into(), Encoding::WINDOWS_1252))
    );
    assert_eq!(decode(b"ascii", None), Ok(("ascii".into(), Encoding::UTF_8)));
    assert_eq!(decode(b"", None), Ok(("".into(), Encoding::UTF_8)));
    assert_eq!(decode(b"\xFF\xFE", None), Ok(("".into(), Encoding::UTF_16LE)));
}

#[test]
fn a_bad_byte_is_refused_with_its_line() {
    assert_undecodable(b"\xEF\xBB\xBFa\r\nb\r\nJ\xF6rg", "line 3 has a byte (0xF6)");
    for byte in UNDEFINED_IN_WINDOWS_1252 {
        let text = [b"a\rb\r\xF6\rc\r".as_slice(), &[byte]].concat();
        assert_undecodable(&text, &format!("line 5 has byte 0x{byte:02X}"));
    }
}

#[test]
fn a_file_of_two_encodings_is_refused() {
    assert_undecodable(
        "Jörg\nJ"
            .as_bytes()
            .iter()
            .chain(b"\xF6rg")
            .copied()
            .collect::<Vec<_>>()
            .as_slice(),
        "line 2",
    );
    assert_undecodable(
        &after(b"\n\nJ\xF6rg\n", "Jörg".as_bytes()),
        "line 3 has a character in another encoding than the rest of the file (byte 0xF6): correct that line",
    );
}

#[test]
fn half_a_character_of_utf16_is_refused_with_its_line() {
    let lone = [0xFE, 0xFF, 0, b'\n', 0xD8, 0x00, 0, b'a'];
    assert_undecodable(&lone, "line 2 has half a character (0xD800)");
    assert_undecodable(b"\xFF\xFEa\0\n\0b", "line 2");
    assert_undecodable(b"\xFF\xFEa", "line 1");
}

#[test]
fn utf32_is_refused() {
    let wide = |unit: fn(u32) -> [u8; 4]| -> Vec<u8> {
        "\u{FEFF}Jörg;x\n"
            .chars()
            .flat_map(|c| unit(u32::from(c)))
            .collect()
    };
    assert_undecodable(&wide(u32::to_le_bytes), "UTF-32");
    assert_undecodable(&wide(u32::to_be_bytes), "UTF-32");
}

#[test]
fn utf16_without_a_byte_order_mark_is_refused_with_a_hint() {
    for text in [
        "Username;Email\r\nann;ann@example.com\r\n",
        "Имя;Почта\r\nЗоя;zoya@example.com\r\n",
        "上;一\n",
        "Имяпользователя;Добавочныйномер\r\nЗояАлександровна;первый\r\n",
        "Имяпользователя\nЗояАлександровна",
        "Име\nЊњоаишљв\nАнђелковић",
        "用户名称在这里面;电子邮件地址在这\n张三李四王五赵六;分机号码第一个人\n",
        "ユーザー名前です;メールアドレスです\rすずきいちろうさん;さとうはなこさんです\r",
    ] {
        assert_undecodable(&utf16le(text), "UTF-16 without a byte order mark");
        assert_undecodable(&utf16be(text), "UTF-16 without a byte order mark");
    }
}

#[test]
fn a_nul_in_other_text_is_text() {
    for text in [
        "Username,Email\nann\0,ann@example.com\n",
        "a,b,c\n\0\0\0,1,2\n",
        "\0\0\0\0",
        "Username,Email\0\nann,ann@example.co\0\n",
        "Имя,Почта\0\nЗоя,zoya@example.com\0\n",
        "Имя,Почтa\n\0Зоя,zoya@example.com\n\0",
    ] {
        assert_eq!(decode(text.as_bytes(), None), Ok((text.into(), Encoding::UTF_8)));
    }
}

#[test]
fn the_one_line_in_utf8_is_named_and_no_encoding_is_proposed() {
    let file = [
        b"Zo\xEB;Gro\xDF\nJ\xF6rg;K\xFChn\n".as_slice(),
        "Jürgen;Ott\n".as_bytes(),
    ]
    .concat();
    assert_undecodable(
        &file,
        "line 3 has a character in another encoding than the rest of the file",
    );
}

#[test]
fn an_encoding_is_named_with_what_the_name_would_be_in_it() {
    assert_undecodable(
        b"Do\xF0an\nY\xFDld\xFDz \xDE\xFCkr\xFC Ay\xFEe\n",
        "it looks like Windows-1254, in which it would read \"Doğan\". If that is right, choose that encoding (windows-1254)",
    );
    // Pages of the Mac that differ in other letters: one that can be chosen.
    assert_undecodable(
        b"J\x9Frgen,M\x9Fller\n",
        "it looks like Mac OS Roman, in which it would read \"Jürgen\"",
    );
}
