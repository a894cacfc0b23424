//! Checkpoints: where the code of a component looks whether its time is over, besides those that wasmtime gives it.
//!
//! A guest looks at the beginning of each function and loop and before instructions on whole ranges of memory, but
//! not at a call of the host: one that called it a hundred thousand times in a row could not be stopped. So before each
//! call that may leave the guest stands an empty loop: the compiler has it look there, and makes no loop of it. All
//! else stays byte for byte as it is.

use wasmparser::{
    BinaryReader, BinaryReaderError, CodeSectionReader, FunctionBody, ImportSectionReader, Operator, TypeRef,
};

#[cfg(test)]
mod tests;

/// An empty loop: `loop`, without parameters and results, `end`.
const CHECKPOINT: [u8; 3] = [0x03, 0x40, 0x0b];

/// What the compiled code depends on besides the component and the compiler. It changes whenever this file puts
/// checkpoints elsewhere.
pub(crate) const VERSION: u8 = 1;

/// How deep components may be nested.
const MAX_DEPTH: usize = 100;

const HEADER: usize = 8;
const IMPORTS_OF_MODULE: u8 = 2;
const CODE_OF_MODULE: u8 = 10;
const MODULE_OF_COMPONENT: u8 = 1;
const COMPONENT_OF_COMPONENT: u8 = 4;

/// Why there are no checkpoints in a component. The compiler refuses most of these as well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is no WebAssembly.
    #[error(transparent)]
    Wasm(#[from] BinaryReaderError),
    /// It is another kind of WebAssembly.
    #[error("it is neither a component nor a module")]
    Kind,
    /// It is nested too deeply.
    #[error("its components are nested more than {MAX_DEPTH} deep")]
    Depth,
}

/// The same component or module, with checkpoints.
///
/// # Errors
/// [`Unreadable`] if it cannot be read to its end.
pub(crate) fn insert(wasm: &[u8]) -> Result<Vec<u8>, Unreadable> {
    insert_at(wasm, 0)
}

fn insert_at(wasm: &[u8], depth: usize) -> Result<Vec<u8>, Unreadable> {
    let (header, is_component) = match wasm.split_at_checked(HEADER) {
        Some((header @ [b'\0', b'a', b's', b'm', _, _, 0, 0], _)) => (header, false),
        Some((header @ [b'\0', b'a', b's', b'm', _, _, 1, 0], _)) => (header, true),
        Some(_) | None => return Err(Unreadable::Kind),
    };
    if depth > MAX_DEPTH {
        return Err(Unreadable::Depth);
    }
    let mut out = header.to_vec();
    let mut imported = 0;
    let mut reader = BinaryReader::new(wasm.get(HEADER..).unwrap_or_default(), HEADER);
    while !reader.eof() {
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()?;
        let section = reader.read_bytes(usize::try_from(size).unwrap_or(usize::MAX))?;
        let changed = match id {
            MODULE_OF_COMPONENT | COMPONENT_OF_COMPONENT if is_component => insert_at(section, depth + 1)?,
            CODE_OF_MODULE if !is_component => code(section, imported)?,
            id => {
                if id == IMPORTS_OF_MODULE && !is_component {
                    imported = imported_functions(section)?;
                }
                section.to_vec()
            }
        };
        out.push(id);
        sized(&mut out, &changed);
    }
    Ok(out)
}

fn imported_functions(section: &[u8]) -> Result<u32, Unreadable> {
    let imports = ImportSectionReader::new(BinaryReader::new(section, 0))?;
    let mut functions = 0;
    for import in imports.into_imports() {
        if matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)) {
            functions += 1;
        }
    }
    Ok(functions)
}

/// The code section of a module in which so many functions are imported.
fn code(section: &[u8], imported: u32) -> Result<Vec<u8>, Unreadable> {
    let bodies = CodeSectionReader::new(BinaryReader::new(section, 0))?;
    let mut out = Vec::with_capacity(section.len());
    leb(&mut out, bodies.count());
    for body in bodies {
        sized(&mut out, &function(section, &body?, imported)?);
    }
    Ok(out)
}

fn function(section: &[u8], body: &FunctionBody<'_>, imported: u32) -> Result<Vec<u8>, Unreadable> {
    let mut out = Vec::with_capacity(body.range().len());
    let mut copied = body.range().start;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        if leaves(&operator, imported) {
            out.extend_from_slice(section.get(copied..at).unwrap_or_default());
            out.extend_from_slice(&CHECKPOINT);
            copied = at;
        }
    }
    out.extend_from_slice(section.get(copied..body.range().end).unwrap_or_default());
    Ok(out)
}

/// Whether an instruction may call what is not a function of this module.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "WebAssembly has many instructions, of which few are calls"
)]
fn leaves(operator: &Operator<'_>, imported: u32) -> bool {
    match operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
            *function_index < imported
        }
        Operator::CallIndirect { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::CallRef { .. }
        | Operator::ReturnCallRef { .. } => true,
        _ => false,
    }
}

fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    // What is longer than 4 GiB is not a component, whatever stands here.
    leb(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
}

/// Writes an unsigned number in LEB128.
fn leb(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}
