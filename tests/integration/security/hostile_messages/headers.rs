//! Headers that a client library would not write.

use kit::raw_amqp::{FRAME_MAX, RawProperties, entry, long, short};

use super::{
    Fate::{DeadLetter, Either, Refused},
    case, headers, hold,
};

/// A table that holds a table, and so on.
fn nested_tables(levels: usize) -> Vec<u8> {
    (0..levels).fold(entry(b"a", b'V', b""), |inner, _| {
        entry(b"a", b'F', &long(&inner))
    })
}

fn nested_arrays(levels: usize) -> Vec<u8> {
    let innermost = b"V".to_vec();
    let array = (0..levels).fold(innermost, |inner, _| [b"A", &long(&inner)[..]].concat());
    [short(b"a"), array].concat()
}

/// How many levels of this many bytes fit into a frame of headers.
const fn levels(bytes_each: usize) -> usize {
    (FRAME_MAX - 64) / bytes_each
}

/// A header that makes the frame of all headers this long.
fn filling(frame: usize) -> Vec<u8> {
    // Frame 8, class, weight, body size and flags 14, length of the table 4, entry 2 + 1 + 4.
    entry(b"a", b'x', &long(&vec![0; frame - 33]))
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_nested_deep_are_a_dead_letter() {
    hold(vec![
        headers("159 tables", DeadLetter, &nested_tables(159)),
        headers("4,000 tables", DeadLetter, &nested_tables(4_000)),
        headers(
            "tables to the end of the frame",
            DeadLetter,
            &nested_tables(levels(7)),
        ),
        headers("159 arrays", DeadLetter, &nested_arrays(159)),
        headers(
            "arrays to the end of the frame",
            DeadLetter,
            &nested_arrays(levels(5)),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_fill_a_frame_are_a_dead_letter() {
    // Five bytes each.
    let names = (0..26_000_u32).flat_map(|n| entry(&n.to_be_bytes()[1..], b'V', b""));
    let names: Vec<u8> = names.collect();
    hold(vec![
        headers("one long value", DeadLetter, &filling(FRAME_MAX - 64)),
        headers("a frame to its last byte", DeadLetter, &filling(FRAME_MAX)),
        // RabbitMQ allows for clients that forget the eight bytes around a payload.
        headers("eight bytes more", Either, &filling(FRAME_MAX + 8)),
        headers("nine bytes more", Refused, &filling(FRAME_MAX + 9)),
        headers("26,000 names", DeadLetter, &names),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_every_type_are_a_dead_letter_or_refused() {
    let value = [0_u8; 16];
    let known = [
        (b't', 1),
        (b'b', 1),
        (b'B', 1),
        (b's', 2),
        (b'u', 2),
        (b'I', 4),
        (b'i', 4),
        (b'l', 8),
        (b'L', 8),
        (b'f', 4),
        (b'd', 8),
        (b'D', 5),
        (b'T', 8),
        (b'S', 4),
        (b'x', 4),
        (b'A', 4),
        (b'F', 4),
        (b'V', 0),
    ];
    let all: Vec<u8> = known
        .iter()
        .flat_map(|(kind, size)| entry(&[*kind], *kind, &value[..*size]))
        .collect();
    let mut cases = vec![
        headers("every type at once", DeadLetter, &all),
        headers("names that come twice", DeadLetter, &[all.clone(), all].concat()),
        headers("a boolean of seven", DeadLetter, &entry(b"a", b't', &[7])),
        headers("no number", Refused, &entry(b"a", b'd', &f64::NAN.to_be_bytes())),
        headers(
            "a length beyond the table",
            Refused,
            &entry(b"a", b'S', &1000_u32.to_be_bytes()),
        ),
        headers(
            "a table beyond its table",
            Refused,
            &entry(b"a", b'F', &1000_u32.to_be_bytes()),
        ),
        headers("half an entry", Refused, &[5, b'a']),
        case(
            "a table beyond the frame",
            Refused,
            RawProperties::one(2, 1000_u32.to_be_bytes().to_vec()),
        ),
        case(
            "a short string beyond the frame",
            Refused,
            RawProperties::one(8, vec![200, b'a']),
        ),
        case(
            "properties that are not there",
            Refused,
            RawProperties {
                flags: 0xfffc,
                bytes: vec![],
            },
        ),
        case(
            "more than was announced",
            Refused,
            RawProperties {
                flags: 0,
                bytes: vec![0; 9],
            },
        ),
        case(
            "reserved flags",
            Either,
            RawProperties {
                flags: 3,
                bytes: vec![],
            },
        ),
        case("delivery mode 7", Either, RawProperties::one(3, vec![7])),
        case("priority 255", DeadLetter, RawProperties::one(4, vec![255])),
        case("the end of time", DeadLetter, RawProperties::one(9, vec![255; 8])),
    ];
    for unknown in [b'U', b'z', b'_', 0, 255] {
        cases.push(headers("an unknown type", Refused, &entry(b"a", unknown, &value)));
    }
    hold(cases).await;
}
