use super::*;

/// A number as the binary format encodes it (LEB128).
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn with_size(bytes: &[u8]) -> Vec<u8> {
    [&leb(bytes.len())[..], bytes].concat()
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &with_size(content)[..]].concat()
}

fn times(count: usize, item: &[u8]) -> Vec<u8> {
    [leb(count), item.repeat(count)].concat()
}

fn component(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x0d\0\x01\0", &sections.concat()[..]].concat()
}

/// `count` functions of this type with this body, in a module in a component.
fn functions(params: usize, results: usize, count: usize, body: &[u8]) -> Vec<u8> {
    let of = [&[1, 0x60][..], &times(params, &[0x7e]), &times(results, &[0x7e])].concat();
    let sections =
        [section(1, &of), section(3, &times(count, &[0])), section(10, &times(count, &with_size(body)))];
    component(&[section(1, &[b"\0asm\x01\0\0\0", &sections.concat()[..]].concat())])
}

/// A body without locals.
fn code(operators: &[u8]) -> Vec<u8> {
    [&[0], operators, &[0x0b]].concat()
}

fn types(count: usize, params: usize) -> Vec<u8> {
    let of = [&[0x60][..], &times(params, &[0x7f]), &[0]].concat();
    component(&[section(1, &[b"\0asm\x01\0\0\0", &section(1, &times(count, &of))[..]].concat())])
}

/// A chain of components, each of which makes two instances of the one before.
fn doubled(times: usize) -> Vec<u8> {
    let doubled = (0..times).map(|before| {
        let alias = section(6, &[&[1, 4, 2, 1], &leb(before)[..]].concat());
        section(4, &component(&[alias, section(5, &[2, 0, 0, 0, 0, 0, 0])]))
    });
    component(&[section(4, &component(&[]))].into_iter().chain(doubled).collect::<Vec<_>>())
}

/// A compiler would need minutes for each of these, or all memory.
#[test]
fn a_bomb_of_each_kind_is_told_by_what_it_has_too_much_of() {
    let loop_end = [0x03, 0x40, 0x0b];
    let carrying = [0x03, 0x00, 0x0b];
    let locals = [1, 0xd0, 0x86, 0x03, 0x7e, 0x0b]; // 50,000 of i64
    for (bomb, wasm) in [
        ("types", types(10_001, 1)),
        ("parameters and results in its types", types(101, 1000)),
        ("functions", functions(0, 0, 100_001, &code(&[]))),
        ("locals and parameters of functions", functions(0, 0, 41, &locals)),
        ("locals and parameters of functions", functions(100, 0, 20_001, &code(&[]))),
        ("loops in one function", functions(0, 0, 1, &code(&loop_end.repeat(2_001)))),
        ("loops", functions(0, 0, 51, &code(&loop_end.repeat(2_000)))),
        ("parameters of loops", functions(100, 100, 1, &code(&carrying.repeat(101)))),
        (
            "values carried by blocks, calls and branches",
            functions(0, 100, 1, &code(&[0x10, 0].repeat(6_000))),
        ),
        ("values carried by blocks, calls and branches", functions(0, 100, 1, &code(&[0x0f].repeat(6_000)))),
        (
            "values carried by blocks, calls and branches",
            functions(0, 100, 1, &code(&[2, 0, 0x0b].repeat(6_000))),
        ),
        ("bytes of code", functions(0, 0, 2, &code(&[0x01].repeat(7_000_000)))),
        ("modules and components", component(&vec![section(4, &component(&[])); 1_001])),
        ("instances in components", doubled(40)),
        (
            "components in components",
            (0..33).fold(component(&[]), |inner, _| component(&[section(4, &inner)])),
        ),
        ("components of other components' instances", component(&[section(10, &[1, 0, 1, b'a', 4, 0])])),
        ("components of other components' instances", component(&[section(6, &[1, 4, 0, 0, 1, b'a'])])),
    ] {
        let told = require_compilable(&wasm).map_err(|found| found.what);
        assert_eq!(told, Err(bomb), "{} bytes", wasm.len());
    }
}

#[test]
fn what_is_just_within_the_limits_is_compiled() {
    for (what, wasm) in [
        ("types", types(10_000, 1)),
        ("signatures", types(100, 1000)),
        ("functions", functions(0, 0, 100_000, &code(&[]))),
        ("loops", functions(0, 0, 50, &code(&[0x03, 0x40, 0x0b].repeat(2_000)))),
        (
            "values on the stack of functions without loops",
            functions(0, 1, 1, &code(&[0x10, 0].repeat(600_000))),
        ),
        ("a chain of components", doubled(15)),
        ("depth", (0..31).fold(component(&[]), |inner, _| component(&[section(4, &inner)]))),
    ] {
        assert_eq!(require_compilable(&wasm), Ok(()), "{what}");
    }
}

#[test]
fn what_is_no_component_is_left_to_the_compiler() {
    for noise in [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0\x01\xff", b"noise"] {
        assert_eq!(require_compilable(noise), Ok(()), "{noise:?}");
    }
}

#[test]
fn what_is_counted_and_the_limit_and_what_to_do_are_said() {
    let said = require_compilable(&functions(0, 0, 100_001, &code(&[]))).unwrap_err().to_string();
    assert_eq!(
        said,
        "it has 100001 functions, or more; at most 100000 are compiled: build it optimized, and without what it does not need"
    );
}
