//! How much a component makes of the compiler, counted before the compiler is asked.
//!
//! What takes minutes and gigabytes to compile may be small in the file, and a compiler at work cannot be stopped. So what
//! it does most for is counted, and limited to several times what the largest of toolchains make. Of CPython, QuickJS and
//! SpiderMonkey as components, the most in any is: 10.2 MiB of code, 20,000 functions, 1,400 types, 4,000 parameters and
//! results in them, 200,000 locals and parameters of functions, 392 loops in one function, 16,000 in all of them, some
//! 500 instances, and nothing that loops, blocks or branches carry on the stack.
//!
//! Code that has been compiled before is not counted again. What is not valid ends the count: the compiler will say so.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "sections and instructions of WebAssembly are many, and not listed to their end; few are counted"
)]

use wasmparser::{
    BlockType, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentTypeRef,
    CompositeInnerType, FunctionBody, Operator, Parser, Payload, RecGroup, TypeRef,
};

#[cfg(test)]
mod tests;

/// More than is compiled.
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

/// Whether the compiler can be asked.
///
/// # Errors
/// [`TooMuch`].
pub(crate) fn require_compilable(wasm: &[u8]) -> Result<(), TooMuch> {
    let mut count = Count::new();
    Parser::new(0).parse_all(wasm).map_while(Result::ok).try_for_each(|payload| count.take(payload))
}

/// One thing that is counted.
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

    /// It is the most of them at a time that counts.
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
    /// For every type of function there is code that calls such functions from outside.
    types: Tally,
    signatures: Tally,
    locals: Tally,
    loops: Tally,
    /// Each costs as much time and memory as there are loops in its function.
    loop_params: Tally,
    /// One byte can carry as many values as its type has from one place to another.
    carried: Tally,
    /// Components that make components several times over: in a kilobyte there can be billions.
    instances: Tally,
    /// How often those are made cannot be told from where they stand.
    borrowed: Tally,
    depth: Tally,
    /// The components and modules that have begun and not ended, the innermost last.
    open: Vec<Part>,
    /// The most instances that one of those that have ended makes.
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

    /// What makes instances, and what those bring with them.
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
            _ => return Ok(()), // the rest takes no compiling
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
                    Signature::default() // of proposals that are turned off
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
        // A branch carries what its target takes; that is at most this.
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

    /// Nothing is left out: a part that has no beginning has no sections either.
    fn innermost<T: Default>(&mut self, note: impl FnOnce(&mut Part) -> T) -> T {
        self.open.last_mut().map(note).unwrap_or_default()
    }
}

/// A module or a component, as far as it was read.
#[derive(Debug, Default)]
struct Part {
    types: Vec<Signature>,
    /// The types of its functions, imported ones first.
    functions: Vec<u32>,
    /// The function whose body comes next.
    next: usize,
    /// How many instances, itself included; at most, as for each of a component it is taken for the largest.
    makes: u64,
}

/// How many values a function or a block takes and gives.
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

    /// What a block takes and gives that has a type of its own. One without gives a value at most.
    fn block(&self, operator: &Operator<'_>) -> Signature {
        match operator {
            Operator::Block { blockty: BlockType::FuncType(of) }
            | Operator::Loop { blockty: BlockType::FuncType(of) }
            | Operator::If { blockty: BlockType::FuncType(of) } => self.of_type(*of),
            _ => Signature::default(), // of some six hundred others
        }
    }

    /// How many values come of a call or go with a branch, beyond the one that each may have.
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
            _ => 0, // of some six hundred others
        }
    }
}
