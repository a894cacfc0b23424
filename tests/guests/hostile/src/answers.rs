//! What `decide` answers: well-behaved answers, senseless ones, and those that tell what the guest could see.

use std::cell::Cell;
use std::hint::black_box;
use std::io::Read as _;
use std::time::{Instant, SystemTime};

use crate::bindings::{Access, Decision, Denial, FlagsVerdict, Request, call, engine};
use crate::misdeeds;
use crate::settings::Deed;

pub(crate) fn decision(deed: &Deed, request: &Request) -> Decision {
    let argument = deed.argument.as_str();
    match deed.name.as_str() {
        "allow" => Decision::Allow,
        "defer" => Decision::Defer,
        "deny" => denial_of(argument),
        "echo" => deny(echo(request)),
        "message-mib" => deny("m".repeat(deed.number(100) << 20)),
        "not-utf8" => deny(not_utf8()),
        "remember" => deny(format!("{} decisions before this one", remembered())),
        "environment" => deny(format!(
            "{:?} {:?}",
            std::env::vars().collect::<Vec<_>>(),
            std::env::args().collect::<Vec<_>>()
        )),
        "stdin" => {
            deny(format!("{:?}", std::io::stdin().read_to_end(&mut Vec::new()).map_err(|error| error.kind())))
        }
        "clock" => deny(format!("{} ns", finest_step().as_nanos())),
        "wall-clock" => deny(format!("{:?}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH))),
        "memory" => deny(format!("{} MiB", mebibytes_to_be_had())),
        // When it is tried out there is no client.
        "abort-for-clients" if request.attributes.is_empty() => Decision::Allow,
        "abort-for-clients" => std::process::abort(),
        "inspect" => deny(look_up(argument)),
        "inspect-many" => deny(look_up_many(deed.number(1_000_000))),
        _ => match misdeeds::commit(deed) {
            Ok(()) => deny("nothing stopped it".to_owned()),
            Err(unknown) => deny(format!("{unknown}: no such behaviour")),
        },
    }
}

fn deny(message: String) -> Decision {
    Decision::Deny(Denial { message, status: None })
}

/// `MESSAGE` or `MESSAGE:STATUS`.
fn denial_of(argument: &str) -> Decision {
    let with_status = argument.rsplit_once(':').and_then(|(text, status)| Some((text, status.parse().ok()?)));
    let (message, status) = with_status.map_or((argument, None), |(text, status)| (text, Some(status)));
    Decision::Deny(Denial { message: message.to_owned(), status })
}

/// What the request looks like from here. The id is left out: it is another one each time.
fn echo(request: &Request) -> String {
    let access = match request.access {
        Access::Read => "read",
        Access::Write => "write",
        Access::Interactive => "interactive",
    };
    let flags = match request.flags {
        FlagsVerdict::Allow => "allow",
        FlagsVerdict::Deny => "deny",
    };
    let body = match call::body() {
        call::RequestBody::Empty => "empty".to_owned(),
        call::RequestBody::Unread => "unread".to_owned(),
        call::RequestBody::Complete(body) => {
            let start: String = body.chars().take(64).collect();
            format!("{} bytes {start:?}", body.len())
        }
    };
    format!(
        "method={} path={:?} version={:?} operation={} family={} access={access} subject={:?} query={:?} \
         attributes={:?} flags={flags} x={:?} headers={} body={body}",
        request.method,
        request.path,
        request.api_version,
        request.operation,
        request.family,
        request.subject,
        request.query,
        request.attributes,
        call::header("X"),
        call::headers().len(),
    )
}

#[allow(unsafe_code, reason = "a string that is none: the sandbox must catch it")]
fn not_utf8() -> String {
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, 0xfe, 0xc0]) }
}

/// How many decisions this instance has made, in memory that outlives the call.
fn remembered() -> u32 {
    thread_local! {
        static COUNT: Cell<u32> = Cell::default();
    }
    COUNT.replace(COUNT.get() + 1)
}

/// The smallest step of the clock that a guest sees: what it could time a secret by.
fn finest_step() -> std::time::Duration {
    let start = Instant::now();
    let mut last = start;
    let mut finest = std::time::Duration::MAX;
    while last.duration_since(start).as_millis() < 20 {
        let now = Instant::now();
        if now != last {
            finest = finest.min(now.duration_since(last));
            last = now;
        }
    }
    finest
}

/// Takes memory until there is no more, and takes no for an answer.
fn mebibytes_to_be_had() -> usize {
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(1 << 16);
    loop {
        let mut block = Vec::new();
        if block.try_reserve_exact(1 << 20).is_err() {
            return black_box(kept).len();
        }
        block.push(1);
        kept.push(block);
    }
}

/// `KIND:REFERENCE`.
fn look_up(argument: &str) -> String {
    let (kind, reference) = argument.split_once(':').unwrap_or(("container", argument));
    let kind = match kind {
        "container" => engine::Kind::Container,
        "image" => engine::Kind::Image,
        "network" => engine::Kind::Network,
        "volume" => engine::Kind::Volume,
        "exec" => engine::Kind::Exec,
        "service" => engine::Kind::Service,
        "task" => engine::Kind::Task,
        "node" => engine::Kind::Node,
        "secret" => engine::Kind::Secret,
        "config" => engine::Kind::Config,
        "plugin" => engine::Kind::Plugin,
        _ => return format!("{kind}: no such kind"),
    };
    outcome(engine::inspect(kind, reference))
}

/// So many different ones, and how many of them were answered.
fn look_up_many(count: usize) -> String {
    let answers = (0..count).map(|n| engine::inspect(engine::Kind::Container, &format!("c{n}")));
    let (mut answered, mut last) = (0, None);
    for answer in answers {
        match answer {
            Ok(_) | Err(engine::LookupError::NotFound) => answered += 1,
            Err(engine::LookupError::Refused(_) | engine::LookupError::Unavailable(_)) => last = Some(answer),
        }
    }
    format!("{answered} answered; {}", last.map_or_else(|| "none refused".to_owned(), outcome))
}

fn outcome(answer: Result<String, engine::LookupError>) -> String {
    match answer {
        Ok(json) => format!("found {json}"),
        Err(engine::LookupError::NotFound) => "not found".to_owned(),
        Err(engine::LookupError::Refused(why)) => format!("refused: {why}"),
        Err(engine::LookupError::Unavailable(why)) => format!("unavailable: {why}"),
    }
}
