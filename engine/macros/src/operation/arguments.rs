//! What an operation takes: the arguments it owns, the things it borrows, and why others are refused.

use syn::ext::IdentExt;
use syn::visit::Visit;
use syn::{
    Attribute, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, LitStr, Pat, PatType, Type, TypeReference,
    parse_quote,
};

use super::Errors;
use super::inputs::{InputArgument, value_type};
use super::output::{last_segment, plain};

/// The arguments of an operation in the order of its signature.
pub(crate) struct Signature {
    pub(crate) arguments: Vec<Argument>,
}

/// One argument.
pub(crate) enum Argument {
    /// Data of the operation: a field of the parameter struct.
    Owned(Box<Owned>),
    /// A value of another step.
    Input(Box<InputArgument>),
    /// Lent by the run: the type behind the reference.
    Lent(Box<Type>),
}

/// An argument that the operation owns.
pub(crate) struct Owned {
    /// The name of the field, the builder method and (without `r#`) the column.
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) default: Option<Expr>,
    pub(crate) serde: Vec<Attribute>,
    pub(crate) doc: Vec<Attribute>,
}

impl Owned {
    /// The name in records and tables.
    pub(crate) fn column(&self) -> String {
        self.name.unraw().to_string()
    }
}

impl Signature {
    /// Reads the signature.
    ///
    /// All mistakes are reported, each where it stands.
    pub(crate) fn of(function: &ItemFn) -> syn::Result<Self> {
        let mut errors = Errors::default();
        refuse_kinds(function, &mut errors);
        let mut arguments = Vec::new();
        for input in &function.sig.inputs {
            if let Some(argument) = errors.take(argument(input)) {
                arguments.push(argument);
            }
        }
        let signature = Self { arguments };
        let mut seen: Vec<&Ident> = Vec::new();
        let names = signature.owned().map(|owned| &owned.name);
        for name in names.chain(signature.inputs().map(|input| &input.name)) {
            if seen.contains(&name) {
                let message = format!("two arguments are called `{name}`: give one another name");
                errors.add(syn::Error::new(name.span(), message));
            }
            seen.push(name);
        }
        errors.finish()?;
        Ok(signature)
    }

    pub(crate) fn owned(&self) -> impl Iterator<Item = &Owned> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Owned(owned) => Some(&**owned),
            _ => None,
        })
    }

    pub(crate) fn inputs(&self) -> impl Iterator<Item = &InputArgument> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Input(input) => Some(&**input),
            _ => None,
        })
    }
}

/// The function as it will stand in the crate: without what only this attribute understands.
pub(crate) fn without_our_attributes(function: &ItemFn) -> ItemFn {
    let mut function = function.clone();
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(argument) = input {
            argument.attrs.retain(|attribute| {
                !["default", "rename", "serde", "doc", "codec"]
                    .iter()
                    .any(|ours| attribute.path().is_ident(ours))
            });
        }
    }
    function
}

fn refuse_kinds(function: &ItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        errors.add(syn::Error::new_spanned(
            token,
            "an operation is not `async`: runs are spread over threads or processes; call blocking functions, or block on a runtime inside",
        ));
    }
    if let Some(token) = &signature.unsafety {
        errors.add(syn::Error::new_spanned(
            token,
            "an operation is called by the engine, which cannot keep a promise: make the function safe",
        ));
    }
    if let Some(token) = &signature.abi {
        errors
            .add(syn::Error::new_spanned(token, "an operation is a plain Rust function: leave `extern` out"));
    }
    if !signature.generics.params.is_empty() {
        errors.add(syn::Error::new_spanned(
            &signature.generics,
            "an operation has no generic parameters: its arguments are recorded with concrete types; write an operation for each type that calls the generic function",
        ));
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.add(syn::Error::new_spanned(clause, "an operation has no `where` clause"));
    }
    if let Some(variadic) = &signature.variadic {
        errors.add(syn::Error::new_spanned(variadic, "an operation has named arguments only"));
    }
}

fn argument(input: &FnArg) -> syn::Result<Argument> {
    let typed = match input {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            return Err(syn::Error::new_spanned(
                receiver,
                "an operation is a free function without `self`: take what it needs as arguments (data by value, shared settings as a `&Context` type)",
            ));
        }
    };
    match plain(&typed.ty) {
        Type::Reference(reference) => lent(typed, reference),
        ty => match value_type(ty) {
            Some((wrapper, value)) => {
                InputArgument::of(typed, wrapper, value).map(|input| Argument::Input(Box::new(input)))
            }
            None => owned(typed, ty),
        },
    }
}

pub(crate) fn name_of(argument: &PatType) -> syn::Result<&Ident> {
    match &*argument.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Ok(&pat.ident),
        pattern => Err(syn::Error::new_spanned(
            pattern,
            "give this argument a name: it becomes a column; take the value apart inside the function",
        )),
    }
}

fn lent(argument: &PatType, reference: &TypeReference) -> syn::Result<Argument> {
    let refuse = |message: &str| Err(syn::Error::new_spanned(reference, message));
    if reference.mutability.is_some() {
        return refuse(
            "an operation takes nothing by `&mut`: runs do not share state; take the value itself (`T`) and return the result",
        );
    }
    if let Some(lifetime) = &reference.lifetime {
        return Err(syn::Error::new_spanned(
            lifetime,
            "what a run lends has no lifetime of its own: write `&T`",
        ));
    }
    for attribute in &argument.attrs {
        let path = attribute.path();
        if ["default", "rename", "serde", "codec"].iter().any(|ours| path.is_ident(ours)) {
            return Err(syn::Error::new_spanned(
                attribute,
                "this attribute is for arguments the operation owns; what is lent is neither a column nor a field",
            ));
        }
    }
    let ty = plain(&reference.elem);
    match ty {
        Type::Slice(slice) => {
            let element = text(&slice.elem);
            return refuse(&format!("an operation owns its data: take `Vec<{element}>`, not `&[{element}]`"));
        }
        Type::Array(array) => {
            let array = text(&Type::Array(array.clone()));
            return refuse(&format!("an operation owns its data: take `{array}`, not a reference to it"));
        }
        Type::TraitObject(_) | Type::ImplTrait(_) => {
            return refuse(
                "an operation takes data, not behaviour: take an enum that says which one, and match on it",
            );
        }
        Type::Path(_) => {}
        _ => return refuse("an operation owns its data: take this argument by value"),
    }
    let name = last_segment(ty).map(|segment| segment.ident.to_string()).unwrap_or_default();
    match name.as_str() {
        "str" => refuse("an operation owns its data: take `String`, not `&str`"),
        "Stat" | "Named" | "Glob" => refuse(&format!(
            "an operation owns its paths: take `{}` by value, so that what it stands for counts",
            text(ty)
        )),
        "Path" | "PathBuf" | "FilePath" | "DirPath" => refuse(
            "an operation owns its paths: take `FilePath` or `DirPath` by value, so that the content counts",
        ),
        "Input" | "Gathered" => {
            refuse(&format!("an operation owns its inputs: take `{}`, not a reference to it", text(ty)))
        }
        "String" | "Vec" | "Option" | "Box" | "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet"
        | "VecDeque" | "bool" | "char" | "f32" | "f64" | "i8" | "i16" | "i32" | "i64" | "i128" | "isize"
        | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            refuse(&format!("an operation owns its data: take `{}`, not a reference to it", text(ty)))
        }
        _ => concrete(ty).map(|()| Argument::Lent(Box::new(ty.clone()))),
    }
}

/// Names that would hide a method of the builder or a coordinate that every sweep has.
const RESERVED: [&str; 7] =
    ["named", "grid", "into_sweep", "replicate", "resources", "tag_cases", "tag_sets"];

/// Refuses names that have a meaning of their own.
pub(crate) fn refuse_reserved(name: &Ident) -> syn::Result<()> {
    if RESERVED.iter().all(|reserved| name.unraw() != reserved) {
        return Ok(());
    }
    let message = format!(
        "an argument cannot be called `{0}`, which has a meaning of its own in sweeps: rename it, or write `#[rename(\"{0}_\")]` before it to rename only its column and builder method",
        name.unraw()
    );
    Err(syn::Error::new(name.span(), message))
}

fn owned(argument: &PatType, ty: &Type) -> syn::Result<Argument> {
    let mut errors = Errors::default();
    let mut name = errors.take(name_of(argument)).cloned();
    if let Err(error) = refuse_not_data(ty) {
        errors.add(error);
    }
    let (mut default, mut serde, mut doc) = (None, Vec::new(), Vec::new());
    for attribute in &argument.attrs {
        let path = attribute.path();
        if path.is_ident("doc") {
            doc.push(attribute.clone());
        } else if path.is_ident("serde") {
            if let Err(error) = refuse_serde(attribute) {
                errors.add(error);
            }
            serde.push(attribute.clone());
        } else if path.is_ident("rename") {
            if let Some(new) = errors.take(renamed(attribute)) {
                name = Some(new);
            }
        } else if path.is_ident("default") {
            match attribute.parse_args::<Expr>() {
                Ok(_) if default.is_some() => errors.add(syn::Error::new_spanned(attribute, "two defaults")),
                Ok(expression) => default = Some(owned_literal(expression, ty)),
                Err(_) => errors.add(syn::Error::new_spanned(
                    attribute,
                    "a default is written `#[default(0.5)]`, with an expression of the argument's type",
                )),
            }
        } else if path.is_ident("cfg") || path.is_ident("cfg_attr") {
            errors.add(syn::Error::new_spanned(
                attribute,
                "the arguments of an operation do not depend on the configuration: write two operations",
            ));
        }
    }
    if let Some(name) = &name
        && let Err(error) = refuse_reserved(name)
    {
        errors.add(error);
    }
    if default.is_some()
        && let Some(attribute) = serde.iter().find(|attribute| sets(attribute, &["default"]))
    {
        errors.add(syn::Error::new_spanned(
            attribute,
            "`#[default(...)]` already gives the default: leave this out",
        ));
    }
    errors.finish()?;
    let name = name.unwrap_or_else(|| Ident::new("_", proc_macro2::Span::call_site()));
    Ok(Argument::Owned(Box::new(Owned { name, ty: ty.clone(), default, serde, doc })))
}

/// `#[default("adam")]` means the `String`.
fn owned_literal(expression: Expr, ty: &Type) -> Expr {
    let is_text = matches!(&expression, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }));
    if is_text && last_segment(ty).is_some_and(|segment| segment.ident == "String") {
        parse_quote!(::std::string::String::from(#expression))
    } else {
        expression
    }
}

pub(crate) fn renamed(attribute: &Attribute) -> syn::Result<Ident> {
    let wrong = || syn::Error::new_spanned(attribute, "a new name is written `#[rename(\"name\")]`");
    let text: LitStr = attribute.parse_args().map_err(|_| wrong())?;
    text.parse().map_err(|_| {
        let message =
            format!("`{}` cannot be a name: use letters, digits and `_`, not a keyword", text.value());
        syn::Error::new(text.span(), message)
    })
}

/// Refuses serde attributes that would part the recorded arguments from what the function gets.
fn refuse_serde(attribute: &Attribute) -> syn::Result<()> {
    let message = if sets(
        attribute,
        &["skip", "skip_serializing", "skip_deserializing", "skip_serializing_if"],
    ) {
        "an argument that is not written would be missing from the run's identity; give it a `#[default(...)]`: equal to it, it is left out"
    } else if sets(attribute, &["rename"]) {
        "write `#[rename(\"name\")]`, which renames the column, the field and the builder method alike"
    } else if sets(attribute, &["flatten"]) {
        "an argument is one column: take the struct without `flatten`; its fields become `name.field`"
    } else {
        return Ok(());
    };
    Err(syn::Error::new_spanned(attribute, message))
}

fn sets(attribute: &Attribute, keys: &[&str]) -> bool {
    let mut found = false;
    let Ok(list) = attribute.meta.require_list() else { return false };
    // What serde itself does not understand is left to serde to explain.
    let _ = list.parse_nested_meta(|meta| {
        found |= keys.iter().any(|key| meta.path.is_ident(key));
        if meta.input.peek(syn::token::Paren) {
            let inner;
            syn::parenthesized!(inner in meta.input);
            inner.parse::<proc_macro2::TokenStream>()?;
        } else if let Ok(value) = meta.value() {
            value.parse::<Expr>()?;
        }
        Ok(())
    });
    found
}

fn refuse_not_data(ty: &Type) -> syn::Result<()> {
    match ty {
        Type::ImplTrait(_) => Err(syn::Error::new_spanned(
            ty,
            "an operation has no generic parameters, so no `impl Trait`: take a concrete type",
        )),
        Type::BareFn(_) | Type::Ptr(_) | Type::TraitObject(_) => Err(syn::Error::new_spanned(
            ty,
            "an argument is data that is recorded: take an enum that says which one, and match on it",
        )),
        _ => concrete(ty),
    }
}

/// Refuses types that cannot stand in a struct: references inside, `impl Trait`, `Self`.
pub(crate) fn concrete(ty: &Type) -> syn::Result<()> {
    struct Find(Option<syn::Error>);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_reference(&mut self, found: &'ast TypeReference) {
            let message =
                "an operation owns its data: no references inside (`String` for `&str`, `Vec<T>` for `&[T]`)";
            self.0.get_or_insert_with(|| syn::Error::new_spanned(found, message));
        }
        fn visit_lifetime(&mut self, found: &'ast syn::Lifetime) {
            let message = "an operation owns its data: no lifetimes; take the type that owns";
            self.0.get_or_insert_with(|| syn::Error::new_spanned(found, message));
        }
        fn visit_type_impl_trait(&mut self, found: &'ast syn::TypeImplTrait) {
            let message = "an operation has no generic parameters, so no `impl Trait`: take a concrete type";
            self.0.get_or_insert_with(|| syn::Error::new_spanned(found, message));
        }
        fn visit_path(&mut self, found: &'ast syn::Path) {
            if found.segments.first().is_some_and(|segment| segment.ident == "Self") {
                let message = "an operation is a free function: there is no `Self`";
                self.0.get_or_insert_with(|| syn::Error::new_spanned(found, message));
            }
            syn::visit::visit_path(self, found);
        }
    }
    let mut find = Find(None);
    find.visit_type(ty);
    find.0.map_or(Ok(()), Err)
}

/// A type as people write it: without the spaces between its tokens.
pub(crate) fn text(ty: &Type) -> String {
    use quote::ToTokens;
    let mut text = String::new();
    for part in ty.to_token_stream().to_string().split(' ') {
        let glued = text.is_empty()
            || matches!(part, "," | ";" | ">" | "::" | ">>" | ")" | "]")
            || part.starts_with(">")
            || part.starts_with("::")
            || part.starts_with("<")
            || text.ends_with(['<', '(', '[', '&', '\''])
            || text.ends_with("::");
        if !glued {
            text.push(' ');
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_people_do() {
        for written in [
            "f64",
            "Vec<f64>",
            "Option<Vec<u8>>",
            "std::path::PathBuf",
            "(u8, f64)",
            "[f64; 3]",
            "HashMap<String, Vec<(u8, u8)>>",
        ] {
            assert_eq!(text(&syn::parse_str(written).unwrap()), written);
        }
    }
}
