use super::HostArgument;
use crate::{Flag, Flags, Operation, decide, needed_flags};

/// What the engine would use on the host.
fn found(request: &str) -> Option<HostArgument> {
    let (method, target) = request.split_once(' ').unwrap();
    let operation = Operation::parse(method, target).unwrap();
    operation.host_argument()
}

#[test]
fn ps_args_that_show_the_containers_own_processes_are_harmless() {
    for query in [
        "",
        "?",
        "?ps_args",
        "?ps_args=",
        "?other=e",
        "?PS_ARGS=e", // the engine compares names with their case
        "?ps_args=aux",
        "?ps_args=-aux",
        "?ps_args=auxww",
        "?ps_args=-ef",
        "?ps_args=-ef%20ww",
        "?ps_args=-eLf",
        "?ps_args=-eo+pid,comm",
        "?ps_args=-o%20pid%2Ccmd",
        "?%70s_args=-opid,args",
        "?ps_args=-o+pid",
        "?ps_args=axo+pid,user,%25cpu,%25mem,args+ww",
        "?ps_args=--format=pid,ppid,rss",
        "?ps_args=aux&ps_args=-ef",
    ] {
        for method in ["GET", "HEAD"] {
            for prefix in ["", "/v1.41"] {
                let request = format!("{method} {prefix}/containers/a/b/top{query}");
                assert_eq!(found(&request), None, "{request}");
            }
        }
    }
}

#[test]
fn any_other_ps_args_are_an_argument_that_reaches_the_host() {
    for value in [
        "e",
        "-e+e",
        "eww",
        "axe",
        "auxe",
        "auxeww",
        "-auxe",
        "aux+e",
        "e+aux",
        "axeo+pid,args",
        "aeuxww",
        "E",
        "-E", // environments
        "e%20-ww%20-p%20PID%20-o%20args:4000,args:4000,pid",
        "-o+args,pid",
        "-eo+args,pid",
        "-o+comm",
        "o+args,pid",
        "-oargs,pid",
        "--format=args,pid",
        "--format+args",
        "-O+args",
        "-Oargs",
        "O+args", // what a process chooses is first
        "-o+pid,args,pid",
        "-o+pid+-o+args",
        "-o+pid,args+-o+pid",
        "-o+pid,pid", // two process ids
        "-o+pid%3DPID",
        "-o+pid%3Dargs,args",
        "-o+pid%3D",
        "-o+args%3DPID,pid",
        "-o+pid,args%3DPID", // headers
        "-o+pid,args:4000",
        "-o+pid:1,args", // widths
        "-o+pid,exe",
        "-o+pid,environ",
        "-o+pid,label",
        "-o+pid,,args",
        "-o+pid,",
        "-o+,pid",
        "-o+",
        "-o",
        "-eo",
        "o", // columns
        "-o+pid%09args",
        "-o+pid+args",
        "-o%09pid",
        "-o%0Apid",
        "-o%C2%A0pid,args",
        "-o%E2%80%83pid",
        "aux%20",
        "+aux",
        "aux%0A",
        "aux++ww",
        "aux+w+w",
        "ww",
        "+",
        "%C2%A0",
        "%E2%80%8Baux", // spaces
        "-p+1",
        "-p1",
        "p+1",
        "1",
        "aux+1",
        "-q1",
        "q+1",
        "--pid+1",
        "--pid%3D1",
        "--ppid+1",
        "-C+dockerd",
        "-N",
        "-ef+-N",
        "--deselect",
        "-u+root",
        "-U+root",
        "-G+0",
        "-s+1",
        "-t+pts/0",
        "-au",
        "-ef+-u",
        "-eu", // other processes
        "k+args",
        "--sort%3Dargs",
        "-ef+--sort+args",
        "--no-headers",
        "--headers",
        "-o+pid,args+--no-headers",
        "h",
        "--cols+1",
        "--lines+1",
        "-V",
        "--info",
        "--help",
        "-T",
        "-L",
        "-m",
        "-eM",
        "Z",
        "L",
        "-c",
        "AUX",
        "-EF",
        "au%78e",
        "aux%00",
        "%5B%22aux%22%5D",
        "-ef%3B",
        "-ef%26%26id",
        "$(id)",
        "--",
    ] {
        for query in [
            format!("ps_args={value}"),
            format!("ps_args=aux&ps_args={value}"),
            format!("ps_args={value}&ps_args=aux"),
            format!("&&x=y&%70%73_args={value}&ps_args="),
        ] {
            let request = format!("GET /containers/web/top?{query}");
            let is_possible = Operation::parse("GET", request.trim_start_matches("GET ")).is_ok();
            assert!(!is_possible || found(&request) == Some(HostArgument::PsArgs), "{request}");
        }
    }
}

#[test]
fn a_folder_of_the_host_is_an_argument_that_reaches_it() {
    for (request, want) in [
        ("GET /containers/web/checkpoints?dir=/root", Some("dir")),
        ("HEAD /containers/web/checkpoints?dir=/root", Some("dir")),
        ("GET /containers/web/checkpoints?dir=&%64ir=.", Some("dir")),
        ("DELETE /containers/web/checkpoints/c?dir=/", Some("dir")),
        ("POST /containers/web/start?checkpoint=c&checkpoint-dir=/tmp", Some("checkpoint-dir")),
        ("GET /containers/web/checkpoints", None),
        ("GET /containers/web/checkpoints?dir=", None),
        ("DELETE /containers/web/checkpoints/c", None),
        ("POST /containers/web/start?checkpoint=c", None),
        ("GET /containers/web/logs?dir=/root", None),
    ] {
        assert_eq!(found(request), want.map(HostArgument::Folder), "{request}");
    }
}

#[test]
fn only_its_own_flag_lifts_an_argument_that_reaches_the_host() {
    let all = Flag::ALL.iter().fold(Flags::default(), |flags, &flag| flags.with(flag));
    for request in [
        "GET /containers/web/top?ps_args=e",
        "HEAD /containers/web/top?ps_args=e",
        "GET /containers/web/checkpoints?dir=/root",
        "DELETE /containers/web/checkpoints/c?dir=/",
        "POST /containers/web/start?checkpoint-dir=/",
    ] {
        let (method, target) = request.split_once(' ').unwrap();
        let operation = Operation::parse(method, target).unwrap();
        for &flag in needed_flags(&operation).collect::<Vec<_>>().iter().chain([&Flag::AllowHostArgs]) {
            let decision = decide(all.without(flag), &operation);
            assert!(decision.denial().is_some(), "{request} without {}", flag.name());
            assert_eq!(
                decision.final_denial().is_some(),
                flag == Flag::AllowHostArgs,
                "{request} without {}",
                flag.name()
            );
        }
        assert_eq!(decide(all, &operation).denial(), None, "{request}");
    }
}
