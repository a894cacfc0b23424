//! Policies written in WebAssembly text, with shapes that no compiler would make.
//!
//! The text is that of a core module. The component around it is made by the tool that compilers use, from
//! `wit/policy.wit` or from another interface that the shape claims to have.

use wit_component::{ComponentEncoder, StringEncoding};

/// The interface of this gateway.
pub const WIT: &str = include_str!("../../../wit/policy.wit");

/// The parts of a module. Those of the default make a policy that allows everything.
#[derive(Clone, Debug)]
pub struct Shape<'t> {
    /// The imports, which must come first.
    pub imports: &'t str,
    /// The memory, or several memories: the first must be exported as `memory`.
    pub memory: &'t str,
    /// The function from which the host gets memory for what it hands over: from four `i32` to an address.
    pub realloc: &'t str,
    /// The code of `configure`, which gives the address of a `result<manifest, string>`.
    pub configure: &'t str,
    /// The code of `decide`, which gives the address of a `decision`.
    pub decide: &'t str,
    /// Additional fields: a start function, tables, globals.
    pub more: &'t str,
}

/// The address of a manifest with the name `shape` and the version `1`.
pub const MANIFEST: &str = "i32.const 64";
/// The address of an `allow`.
pub const ALLOW: &str = "i32.const 128";
/// The address of a `deny` with the message `no`.
pub const DENY: &str = "i32.const 144";

/// The data at those addresses, in the layout of the canonical ABI.
const DATA: &str = r#"
    (data (i32.const 16) "shape1no")
    (data (i32.const 64) "\00\00\00\00" "\10\00\00\00\05\00\00\00" "\15\00\00\00\01\00\00\00")
    (data (i32.const 128) "\00\00\00\00")
    (data (i32.const 144) "\01\00\00\00" "\16\00\00\00\02\00\00\00" "\00\00\00\00")
"#;

/// The code that gives the host memory: it grows the memory by at least a page each time, and nothing is ever freed.
pub const REALLOC: &str = "
    (local $at i32)
    (local.set $at (i32.shl (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1))) (i32.const 16)))
    local.get $at";

impl Default for Shape<'_> {
    fn default() -> Self {
        Self {
            imports: "",
            memory: r#"(memory (export "memory") 1)"#,
            realloc: REALLOC,
            configure: MANIFEST,
            decide: ALLOW,
            more: "",
        }
    }
}

impl Shape<'_> {
    /// The core module.
    ///
    /// # Panics
    /// When the text is not that of a module.
    #[must_use]
    pub fn module(&self) -> Vec<u8> {
        let Self { imports, memory, realloc, configure, decide, more } = self;
        let text = format!(
            r#"(module {imports} {memory} {DATA} {more}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "sockgate:policy/decision-point@0.1.0#configure") (param i32 i32) (result i32) {configure})
                (func (export "sockgate:policy/decision-point@0.1.0#decide") (param i32) (result i32) {decide}))"#
        );
        binary(&text)
    }

    /// The component.
    #[must_use]
    pub fn component(&self) -> Vec<u8> {
        self.component_of(WIT)
    }

    /// The component, with an interface other than that of this gateway.
    ///
    /// # Panics
    /// When the interface and the module do not go together.
    #[must_use]
    pub fn component_of(&self, wit: &str) -> Vec<u8> {
        component(self.module(), wit)
    }
}

/// The binary form of a text, which is that of a module or of a component.
///
/// # Panics
/// When the text is neither of them.
#[must_use]
pub fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A component around a module.
///
/// # Panics
/// When the interface and the module do not go together.
#[must_use]
pub fn component(mut module: Vec<u8>, wit: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_source("policy.wit", wit).expect("an interface");
    let world = resolve.select_world(&[package], Some("policy")).expect("a world of that name");
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("a module");
    let mut encoder = ComponentEncoder::default();
    let encoded = encoder.module(&module).and_then(ComponentEncoder::encode);
    encoded.unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn the_parts_of_a_shape_go_together() {
    for decide in [ALLOW, DENY, "unreachable"] {
        let shape = Shape { decide, ..Shape::default() };
        assert!(shape.component().starts_with(b"\0asm\x0d\0\x01\0"), "a component");
    }
}
