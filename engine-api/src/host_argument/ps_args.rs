//! The forms of `ps_args` that show a container's own processes and nothing else.
//!
//! The engine splits `ps_args` at spaces, adds `-q` and the container's processes, and runs `ps`; where `ps` refuses that,
//! it runs it without `-q`, and picks the lines whose column PID is one of these processes. What is no number there, it
//! quotes in its error. So the process id must come before any column whose text a process chooses, and no column may have
//! a header of the client's choice. `ps` itself reads arguments that it does not understand a second time, as BSD options:
//! there `e` shows environments. So all of it is a list of what was tried, and the words are compared as a whole.

/// Options that list whole lines. In each, the process id comes before what a process chooses.
const LISTINGS: [&str; 18] = [
    "aux", "-aux", "auxw", "-auxw", "auxww", "-auxww", "axu", "ax", "-ax", "-x", "-e", "-A", "-f", "-ef",
    "-eF", "-eLf", "-efw", "-efww",
];

/// Options before a list of columns.
const LISTS_FOLLOW: [&str; 7] = ["-o", "o", "-eo", "-Ao", "axo", "-axo", "--format"];

/// Options with the list of columns in the same word.
const LISTS_BEGIN: [&str; 4] = ["--format=", "-eo", "-Ao", "-o"];

/// Options that let lines be longer, behind any of the others.
const WIDE: [&str; 4] = ["w", "ww", "-w", "-ww"];

/// The first of the columns, and only that: engines differ in which column PID counts if there are several.
const FIRST: &str = "pid";

/// The other columns. None shows an environment, or has PID for a header.
const COLUMNS: &[&str] = &[
    "%cpu",
    "%mem",
    "args",
    "bsdstart",
    "bsdtime",
    "c",
    "cgroup",
    "class",
    "cls",
    "cmd",
    "comm",
    "command",
    "cputime",
    "egid",
    "egroup",
    "etime",
    "etimes",
    "euid",
    "euser",
    "f",
    "flags",
    "gid",
    "group",
    "lstart",
    "lwp",
    "maj_flt",
    "min_flt",
    "ni",
    "nice",
    "nlwp",
    "pcpu",
    "pgid",
    "pmem",
    "policy",
    "ppid",
    "pri",
    "psr",
    "rgid",
    "rgroup",
    "rss",
    "rssize",
    "rsz",
    "rtprio",
    "ruid",
    "ruser",
    "s",
    "sess",
    "sid",
    "size",
    "spid",
    "start",
    "start_time",
    "stat",
    "state",
    "stime",
    "sz",
    "thcount",
    "tid",
    "time",
    "times",
    "tname",
    "tt",
    "tty",
    "ucmd",
    "ucomm",
    "uid",
    "uname",
    "user",
    "vsize",
    "vsz",
    "wchan",
];

/// Whether the engine may hand this to `ps`.
pub(super) fn is_harmless(ps_args: &str) -> bool {
    if ps_args.is_empty() {
        return true; // the engine takes -ef
    }
    let words = match ps_args.rsplit_once(' ') {
        Some((words, last)) if WIDE.contains(&last) => words,
        Some(_) | None => ps_args,
    };
    match words.split_once(' ') {
        Some((option, columns)) => LISTS_FOLLOW.contains(&option) && are_columns(columns),
        None => LISTINGS.contains(&words) || begins_list(words),
    }
}

fn begins_list(word: &str) -> bool {
    LISTS_BEGIN.iter().filter_map(|option| word.strip_prefix(option)).any(are_columns)
}

fn are_columns(list: &str) -> bool {
    let mut columns = list.split(',');
    columns.next() == Some(FIRST) && columns.all(|column| COLUMNS.contains(&column))
}
