//! What an operation returns, and how that becomes bytes.

use syn::{GenericArgument, Path, PathArguments, PathSegment, ReturnType, Type, parse_quote};

/// The output of an operation.
pub(crate) struct Output {
    /// The type of the value, out of its `Result`.
    pub(crate) ty: Type,
    /// Whether the function returns a `Result`.
    pub(crate) fallible: bool,
}

impl Output {
    pub(crate) fn of(output: &ReturnType) -> syn::Result<Self> {
        let declared = match output {
            ReturnType::Default => return Ok(Self { ty: parse_quote!(()), fallible: false }),
            ReturnType::Type(_, declared) => plain(declared),
        };
        let (ty, fallible) = match result_arguments(declared) {
            Some(PathArguments::AngleBracketed(arguments)) => {
                let first = arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty.clone()),
                    _ => None,
                });
                (first.unwrap_or_else(|| parse_quote!(())), true)
            }
            // Such as `std::fmt::Result`.
            Some(_) => (parse_quote!(()), true),
            None => (declared.clone(), false),
        };
        if let Some(message) = refusal(plain(&ty)) {
            return Err(syn::Error::new_spanned(&ty, message));
        }
        Ok(Self { ty, fallible })
    }

    /// The codec for the type as it is written: the macro sees tokens, not types.
    pub(crate) fn codec(&self, root: &Path) -> Path {
        codec_of(&self.ty, root)
    }
}

/// Whether a function returns a `Result`, as it is written.
pub(crate) fn returns_result(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => false,
        ReturnType::Type(_, declared) => result_arguments(plain(declared)).is_some(),
    }
}

/// The codec of a type as it is written: the same for an output and for an input of that type.
pub(crate) fn codec_of(ty: &Type, root: &Path) -> Path {
    let Some(segment) = last_segment(plain(ty)) else { return parse_quote!(#root::codec::Json) };
    if segment.ident == "Bytes" && segment.arguments.is_none() {
        return parse_quote!(#root::codec::Raw);
    }
    if segment.ident == "Vec"
        && let PathArguments::AngleBracketed(arguments) = &segment.arguments
        && let Some(GenericArgument::Type(element)) = arguments.args.first()
        && let Type::Path(element) = plain(element)
        && let Some(element) = element.path.get_ident()
    {
        match element.to_string().as_str() {
            "u8" => return parse_quote!(#root::codec::Raw),
            "f64" | "f32" | "i64" | "i32" | "i16" | "i8" | "u64" | "u32" | "u16" | "bool" => {
                return parse_quote!(#root::codec::Npy);
            }
            _ => {}
        }
    }
    parse_quote!(#root::codec::Json)
}

fn refusal(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Reference(_) => Some(
            "an operation returns what it made, not a reference: return the owned value (`String`, `Vec<T>`)",
        ),
        Type::ImplTrait(_) => Some(
            "the output of an operation is stored, so its type must have a name: return a concrete type, such as `Vec<T>`",
        ),
        Type::Never(_) => Some("an operation must return"),
        Type::Ptr(_) | Type::BareFn(_) | Type::TraitObject(_) => Some(
            "the output of an operation is stored: return data, such as numbers, text, vectors or a serde struct",
        ),
        _ => None,
    }
}

/// The type inside parentheses and the invisible groups that macros make.
pub(crate) fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => plain(&group.elem),
        Type::Paren(paren) => plain(&paren.elem),
        _ => ty,
    }
}

pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

fn result_arguments(ty: &Type) -> Option<&PathArguments> {
    last_segment(ty).filter(|segment| segment.ident == "Result").map(|segment| &segment.arguments)
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::*;

    #[test]
    fn value_and_codec_come_from_the_tokens() {
        for (written, value, fallible, codec) in [
            (quote!(), "()", false, "Json"),
            (quote!(-> f64), "f64", false, "Json"),
            (quote!(-> Result<f64>), "f64", true, "Json"),
            (quote!(-> metalab::Result<Vec<f64>>), "Vec < f64 >", true, "Npy"),
            (quote!(-> anyhow::Result<()>), "()", true, "Json"),
            (quote!(-> std::result::Result<Model, MyError>), "Model", true, "Json"),
            (quote!(-> std::fmt::Result), "()", true, "Json"),
            (quote!(-> Vec<u8>), "Vec < u8 >", false, "Raw"),
            (quote!(-> Result<bytes::Bytes, E>), "bytes :: Bytes", true, "Raw"),
            (quote!(-> std::vec::Vec<bool>), "std :: vec :: Vec < bool >", false, "Npy"),
            (quote!(-> Vec<String>), "Vec < String >", false, "Json"),
            (quote!(-> Vec<Vec<f64>>), "Vec < Vec < f64 > >", false, "Json"),
        ] {
            let output = Output::of(&syn::parse2(written.clone()).unwrap()).unwrap();
            assert_eq!(output.ty.to_token_stream().to_string(), value);
            assert_eq!(output.fallible, fallible, "{written}");
            let chosen = output.codec(&parse_quote!(m));
            assert_eq!(chosen.segments.last().unwrap().ident, codec, "{written}");
        }
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        for written in
            [quote!(-> &str), quote!(-> Result<&'static str>), quote!(-> impl Iterator), quote!(-> !)]
        {
            assert!(Output::of(&syn::parse2(written).unwrap()).is_err());
        }
    }
}
