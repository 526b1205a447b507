//! Texts and bodies that are not what they should be.

use kit::raw_amqp::{RawProperties, entry, long, short};

use super::{
    Case,
    Fate::{DeadLetter, Either, Refused},
    case, headers, hold,
};

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_not_utf_8_are_a_dead_letter() {
    let bad = [0xff_u8, 0xfe, 0xc0, 0x80];
    let longest = [0xff_u8; 255];
    // Content type and encoding, correlation ID, reply-to, message ID, type, application, cluster.
    let properties = [0, 1, 5, 6, 8, 10, 12, 13];
    let mut cases: Vec<Case> = properties
        .into_iter()
        .flat_map(|property| [(property, &bad[..]), (property, &longest[..])])
        .map(|(property, text)| {
            case(
                "a property",
                DeadLetter,
                RawProperties::one(property, short(text)),
            )
        })
        .collect();
    cases.push(case("an expiration", Refused, RawProperties::one(7, short(&bad))));
    cases.push(case("a user", Refused, RawProperties::one(11, short(&bad))));
    cases.push(headers("a name", DeadLetter, &entry(&longest, b'V', b"")));
    cases.push(headers("a value", DeadLetter, &entry(b"a", b'S', &long(&bad))));
    // The header CC leads a message with any routing key to a queue.
    let to_jobs = entry(b"CC", b'A', &long(&[b"S", &long(b"requested")[..]].concat()));
    for key in [&bad[..], &longest, b"", b"reports", b"plans.00", b"rows.00"] {
        cases.push(Case {
            routing_key: key.to_vec(),
            ..headers("a routing key", DeadLetter, &to_jobs)
        });
    }
    hold(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_any_size_and_kind_are_a_dead_letter() {
    let plain = |name, fate, body: Vec<u8>| Case {
        body,
        ..case(name, fate, RawProperties::default())
    };
    let mut cases = vec![
        plain("nothing", DeadLetter, vec![]),
        plain("a byte that is not UTF-8", DeadLetter, vec![0xff]),
        plain("JSON nested deep", DeadLetter, vec![b'['; 200_000]),
        plain("1 MiB", Either, vec![b' '; 1 << 20]),
        // The broker's own limit is 16 MiB since RabbitMQ 4, before it was 128.
        plain("128 MiB", Either, vec![b'{'; 128 << 20]),
    ];
    for text in [
        "application/json",
        "text/csv",
        "application/x-msgpack",
        "APPLICATION/JSON; charset=utf-16",
        "",
    ] {
        cases.push(case(
            "a content type",
            DeadLetter,
            RawProperties::one(0, short(text.as_bytes())),
        ));
    }
    for text in ["gzip", "utf-16", "identity", "base64", ""] {
        cases.push(case(
            "an encoding",
            DeadLetter,
            RawProperties::one(1, short(text.as_bytes())),
        ));
    }
    hold(cases).await;
}
