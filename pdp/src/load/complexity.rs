//! The complexity of a component: how much work it makes for the compiler, counted before the compiler is asked.
//!
//! A component that takes minutes and gigabytes to compile may be a small file, and a compiler at work cannot be
//! stopped. So what costs the compiler most is counted, and limited to several times what the largest toolchains make.
//! The most that any of CPython, QuickJS and SpiderMonkey has as a component is: 10.2 MiB of code, 20,000 functions,
//! 1,400 types, 4,000 parameters and results in them, 200,000 locals and parameters of functions, 392 loops in one
//! function, 16,000 loops in all functions, some 500 instances, and no values that loops, blocks or branches carry on
//! the stack.
//!
//! Code that has been compiled before is not counted again. Bytes that are not valid end the count: the compiler
//! refuses them.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "WebAssembly has many sections and instructions, of which few are counted"
)]

use wasmparser::{
    BlockType, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentTypeRef,
    CompositeInnerType, FunctionBody, Operator, Parser, Payload, RecGroup, TypeRef,
};

#[cfg(test)]
mod tests;

/// A component has more of something than is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has {found} {what}, or more; at most {most} are compiled: {advice}")]
pub struct TooMuch {
    what: &'static str,
    found: u64,
    most: u64,
    advice: &'static str,
}

const SMALLER: &str = "build it optimized, and without what it does not need";
const SPLIT: &str = "split its largest functions";
const PLAINER: &str =
    "build it for one result and no parameters of loops and blocks, as compilers do by default";
const FLATTER: &str = "compose it of fewer components";

/// Refuses a component that would cost the compiler too much.
///
/// # Errors
/// [`TooMuch`] for the first limit that it exceeds.
pub(crate) fn require_compilable(wasm: &[u8]) -> Result<(), TooMuch> {
    let mut count = Count::new();
    Parser::new(0).parse_all(wasm).map_while(Result::ok).try_for_each(|payload| count.take(payload))
}

/// The count of one thing, with its limit.
#[derive(Debug)]
struct Tally(TooMuch);

impl Tally {
    const fn new(most: u64, what: &'static str, advice: &'static str) -> Self {
        Self(TooMuch { what, found: 0, most, advice })
    }

    fn add(&mut self, more: u64) -> Result<(), TooMuch> {
        self.0.found = self.0.found.saturating_add(more);
        if self.0.found > self.0.most { Err(self.0) } else { Ok(()) }
    }

    /// Raises the count to `many` if it is lower, where only the largest number at a time is limited.
    fn reach(&mut self, many: u64) -> Result<(), TooMuch> {
        self.add(many.saturating_sub(self.0.found))
    }
}

/// What has been counted so far.
#[derive(Debug)]
struct Count {
    code: Tally,
    functions: Tally,
    modules: Tally,
    /// For every function type, code is compiled that calls such functions from outside.
    types: Tally,
    signatures: Tally,
    locals: Tally,
    loops: Tally,
    /// Each parameter costs as much time and memory as there are loops in its function.
    loop_params: Tally,
    /// An instruction of one byte can carry as many values as its type has.
    carried: Tally,
    /// Components can instantiate components several times over: one kilobyte can make billions of instances.
    instances: Tally,
    /// Components that come out of other components' instances: it cannot be told what these make.
    borrowed: Tally,
    depth: Tally,
    /// The components and modules that have begun and not ended, the innermost last.
    open: Vec<Part>,
    /// The largest number of instances that any component that has ended makes.
    largest: u64,
}

/// The most loops in one function: the compiler's time grows with their square.
const MAX_LOOPS: u64 = 2_000;

impl Count {
    fn new() -> Self {
        Self {
            code: Tally::new(12 * 1024 * 1024, "bytes of code", SMALLER),
            functions: Tally::new(100_000, "functions", SMALLER),
            modules: Tally::new(1_000, "modules and components", FLATTER),
            types: Tally::new(10_000, "types", SMALLER),
            signatures: Tally::new(100_000, "parameters and results in its types", SMALLER),
            locals: Tally::new(2_000_000, "locals and parameters of functions", SMALLER),
            loops: Tally::new(100_000, "loops", SMALLER),
            loop_params: Tally::new(10_000, "parameters of loops", PLAINER),
            carried: Tally::new(500_000, "values carried by blocks, calls and branches", PLAINER),
            instances: Tally::new(500_000, "instances in components", FLATTER),
            borrowed: Tally::new(0, "components of other components' instances", FLATTER),
            depth: Tally::new(32, "components in components", FLATTER),
            open: Vec::new(),
            largest: 0,
        }
    }

    fn take(&mut self, payload: Payload<'_>) -> Result<(), TooMuch> {
        match payload {
            Payload::Version { .. } => {
                self.open.push(Part { makes: 1, ..Part::default() });
                self.depth.reach(self.open.len() as u64)
            }
            Payload::End(_) => {
                let ended = self.open.pop().unwrap_or_default();
                self.largest = self.largest.max(ended.makes);
                Ok(())
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.modules.add(1),
            Payload::TypeSection(groups) => {
                groups.into_iter().map_while(Result::ok).try_for_each(|group| self.take_types(group))
            }
            Payload::ComponentTypeSection(types) => self.types.add(types.count().into()),
            Payload::CoreTypeSection(types) => self.types.add(types.count().into()),
            Payload::ImportSection(imports) => {
                let types =
                    imports.into_imports().map_while(Result::ok).filter_map(|import| match import.ty {
                        TypeRef::Func(of) | TypeRef::FuncExact(of) => Some(of),
                        TypeRef::Table(_) | TypeRef::Memory(_) | TypeRef::Global(_) | TypeRef::Tag(_) => None,
                    });
                self.take_functions(types)?;
                self.innermost(|part| part.next = part.functions.len());
                Ok(())
            }
            Payload::FunctionSection(types) => self.take_functions(types.into_iter().map_while(Result::ok)),
            Payload::CodeSectionStart { size, .. } => self.code.add(size.into()),
            Payload::CodeSectionEntry(body) => self.take_body(&body),
            component => self.take_of_component(component),
        }
    }

    /// Counts the instances that a section of a component makes, with those that they make in turn.
    fn take_of_component(&mut self, payload: Payload<'_>) -> Result<(), TooMuch> {
        let made: u64 = match payload {
            Payload::InstanceSection(instances) => instances.count().into(),
            Payload::ComponentCanonicalSection(functions) => functions.count().into(),
            Payload::ComponentInstanceSection(instances) => {
                let largest = self.largest.max(1);
                let made = instances.into_iter().map_while(Result::ok).map(|instance| match instance {
                    ComponentInstance::Instantiate { .. } => largest,
                    ComponentInstance::FromExports(_) => 1,
                });
                made.fold(0, u64::saturating_add)
            }
            Payload::ComponentImportSection(imports) => {
                let mut imports = imports.into_iter().map_while(Result::ok);
                let is_component = imports.any(|import| matches!(import.ty, ComponentTypeRef::Component(_)));
                return self.borrowed.add(is_component.into());
            }
            Payload::ComponentAliasSection(aliases) => {
                let is_component = aliases.into_iter().map_while(Result::ok).any(|alias| {
                    let kind = ComponentExternalKind::Component;
                    matches!(alias, ComponentAlias::InstanceExport { kind: of, .. } if of == kind)
                });
                return self.borrowed.add(is_component.into());
            }
            _ => return Ok(()), // all other sections cost nothing to compile
        };
        let makes = self.innermost(|part| {
            part.makes = part.makes.saturating_add(made);
            part.makes
        });
        self.instances.reach(makes)
    }

    fn take_types(&mut self, group: RecGroup) -> Result<(), TooMuch> {
        for one in group.into_types() {
            let signature = match one.composite_type.inner {
                CompositeInnerType::Func(of) => {
                    Signature { params: of.params().len() as u64, results: of.results().len() as u64 }
                }
                CompositeInnerType::Array(_)
                | CompositeInnerType::Struct(_)
                | CompositeInnerType::Cont(_) => {
                    Signature::default() // these belong to proposals that are turned off
                }
            };
            self.types.add(1)?;
            self.signatures.add(signature.both())?;
            self.innermost(|part| part.types.push(signature));
        }
        Ok(())
    }

    fn take_functions(&mut self, types: impl Iterator<Item = u32>) -> Result<(), TooMuch> {
        for of in types {
            self.functions.add(1)?;
            self.innermost(|part| part.functions.push(of));
        }
        Ok(())
    }

    fn take_body(&mut self, body: &FunctionBody<'_>) -> Result<(), TooMuch> {
        let Some(part) = self.open.last_mut() else { return Ok(()) };
        let own = part.function(part.next);
        part.next += 1;
        self.locals.add(own.both())?;
        let Ok(locals) = body.get_locals_reader() else { return Ok(()) };
        for (many, _) in locals.into_iter().map_while(Result::ok) {
            self.locals.add(many.into())?;
        }
        let Ok(mut operators) = body.get_operators_reader() else { return Ok(()) };
        let mut loops = Tally::new(MAX_LOOPS, "loops in one function", SPLIT);
        // The most values that a branch can carry: as many as its target takes.
        let mut widest = own.results;
        while let Ok(operator) = operators.read() {
            let block = part.block(&operator);
            widest = widest.max(block.params).max(block.results);
            if let Operator::Loop { .. } = operator {
                loops.add(1)?;
                self.loops.add(1)?;
                self.loop_params.add(block.params)?;
            }
            self.carried.add(block.both() + part.carried(&operator, widest))?;
        }
        Ok(())
    }

    /// Applies `note` to the innermost open part. A section always has one, because it comes after its part's
    /// beginning.
    fn innermost<T: Default>(&mut self, note: impl FnOnce(&mut Part) -> T) -> T {
        self.open.last_mut().map(note).unwrap_or_default()
    }
}

/// A module or a component, as far as it has been read.
#[derive(Debug, Default)]
struct Part {
    types: Vec<Signature>,
    /// The types of its functions, imported ones first.
    functions: Vec<u32>,
    /// The index of the function whose body comes next.
    next: usize,
    /// How many instances it makes at most, itself included. Each instance of a component counts as one of the largest.
    makes: u64,
}

/// How many values a function or a block takes and returns.
#[derive(Clone, Copy, Debug, Default)]
struct Signature {
    params: u64,
    results: u64,
}

impl Signature {
    const fn both(self) -> u64 {
        self.params.saturating_add(self.results)
    }
}

impl Part {
    fn of_type(&self, index: u32) -> Signature {
        usize::try_from(index).ok().and_then(|index| self.types.get(index)).copied().unwrap_or_default()
    }

    fn function(&self, index: usize) -> Signature {
        self.functions.get(index).map(|of| self.of_type(*of)).unwrap_or_default()
    }

    /// The signature of a block that has a type of its own. A block without one returns at most one value.
    fn block(&self, operator: &Operator<'_>) -> Signature {
        match operator {
            Operator::Block { blockty: BlockType::FuncType(of) }
            | Operator::Loop { blockty: BlockType::FuncType(of) }
            | Operator::If { blockty: BlockType::FuncType(of) } => self.of_type(*of),
            _ => Signature::default(), // some six hundred other instructions
        }
    }

    /// How many values a call returns or a branch carries, beyond the one that each may have.
    fn carried(&self, operator: &Operator<'_>, widest: u64) -> u64 {
        let each = if widest > 1 { widest } else { 0 };
        match operator {
            Operator::Call { function_index } => {
                let of = usize::try_from(*function_index).unwrap_or(usize::MAX);
                self.function(of).results.saturating_sub(1)
            }
            Operator::CallIndirect { type_index, .. } => self.of_type(*type_index).results.saturating_sub(1),
            Operator::Br { .. } | Operator::BrIf { .. } | Operator::Return => each,
            Operator::BrTable { targets } => each.saturating_mul(u64::from(targets.len()) + 1),
            _ => 0, // some six hundred other instructions
        }
    }
}
