//! Writes the types and impls of an operation.

use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, ItemFn, Lit, LitStr, Meta, Path, Type};

use proc_macro2::{Span, TokenStream};

use super::arguments::{Argument, Owned, Signature, text};
use super::builder;
use super::names::Names;
use super::options::Options;
use super::output::{Output, last_segment};
use crate::code::Code;

/// Everything that stands beside the function.
pub(crate) fn expand(
    function: &ItemFn,
    options: &Options,
    names: &Names,
    signature: &Signature,
    output: &Output,
    code: &Code,
) -> TokenStream {
    let root = &options.root;
    // What is generated exists exactly where the function does.
    let cfgs: Vec<&Attribute> =
        function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect();
    let docs: Vec<&Attribute> =
        function.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).collect();
    let visibility = &function.vis;
    let Names { marker, operation: name, .. } = names;

    let marker_doc = format!("The operation `{name}`.");
    let marker_docs = if docs.is_empty() { quote!(#[doc = #marker_doc]) } else { quote!(#(#docs)*) };
    let params_struct = params_struct(options, names, signature, visibility, &cfgs);
    let builder = builder::builder(root, names, signature, visibility, &cfgs);
    let reads = reads_metadata(options, signature);
    let implementation = implementation(function, options, names, signature, output, code);
    let defaults = defaults(names, signature);

    quote! {
        #(#cfgs)*
        #marker_docs
        #[derive(Clone, Copy, Debug)]
        #[allow(dead_code)]
        #visibility struct #marker;

        #params_struct

        #builder

        #(#cfgs)*
        const _: () = {
            #defaults

            #reads

            #implementation

            #[automatically_derived]
            #[allow(dead_code)]
            impl #marker {
                /// The operation without its types, for a registry filled by hand.
                pub fn operation() -> #root::operation::Registered {
                    #root::operation::Registered::of::<#marker>()
                }
            }

            #root::__private::inventory::submit! {
                #root::operation::Registration(|| #root::operation::Registered::of::<#marker>())
            }
        };
    }
}

fn params_struct(
    options: &Options,
    names: &Names,
    signature: &Signature,
    visibility: &syn::Visibility,
    cfgs: &[&Attribute],
) -> TokenStream {
    let root = &options.root;
    let Names { params, operation, .. } = names;
    let doc = format!("The arguments that the operation `{operation}` owns.");
    let serde_path = format!("{}::__private::serde", path_text(root));
    let fields = signature.owned().map(|owned| {
        let Owned { name, ty, serde, doc, .. } = owned;
        let column = owned.column();
        let fallback = format!("The argument `{column}`.");
        let docs = if doc.is_empty() { quote!(#[doc = #fallback]) } else { quote!(#(#doc)*) };
        let default = owned.default.is_some().then(|| {
            let path = format!("{params}::{}", default_name(owned));
            quote!(#[serde(default = #path)])
        });
        quote!(#docs #default #(#serde)* pub #name: #ty)
    });
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[derive(Clone, Debug, #root::__private::serde::Serialize, #root::__private::serde::Deserialize)]
        #[serde(crate = #serde_path, deny_unknown_fields)]
        #[allow(dead_code)]
        #visibility struct #params { #(#fields,)* }
    }
}

fn default_name(owned: &Owned) -> Ident {
    format_ident!("__default_{}", owned.column())
}

/// The functions that give the defaults, beside the parameter struct because serde names them by path.
fn defaults(names: &Names, signature: &Signature) -> TokenStream {
    let params = &names.params;
    let functions: Vec<TokenStream> = signature
        .owned()
        .filter_map(|owned| {
            let default = owned.default.as_ref()?;
            let (name, ty) = (default_name(owned), &owned.ty);
            Some(quote_spanned! { default.span() =>
                #[doc(hidden)]
                fn #name() -> #ty { #default }
            })
        })
        .collect();
    if functions.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #[automatically_derived]
        #[allow(non_snake_case, clippy::all)]
        impl #params { #(#functions)* }
    }
}

/// What makes the compiler refuse `&Metadata` without declared keys, and keys without `&Metadata`.
fn reads_metadata(options: &Options, signature: &Signature) -> TokenStream {
    let root = &options.root;
    let lent = signature.arguments.iter().filter_map(|argument| match argument {
        Argument::Lent(ty) => Some(ty),
        _ => None,
    });
    let is_metadata = lent.clone().map(|ty| {
        quote!(::core::matches!(<#ty as #root::operation::Lent>::KIND, #root::operation::LentKind::Metadata))
    });
    match options.metadata.first() {
        Some(first) => {
            let message =
                "an operation that declares metadata reads it through an argument of type `&Metadata`";
            quote_spanned!(first.span() => const _: () = ::core::assert!(false #(|| #is_metadata)*, #message);)
        }
        None => {
            let message = "an operation that takes `&Metadata` declares what it reads: `#[metalab::operation(metadata(\"key\"))]`";
            // Another type of this name is a context, and passes; an alias is found when the experiment is planned.
            let is_called = |ty: &Type| last_segment(ty).is_some_and(|segment| segment.ident == "Metadata");
            let checks = lent.zip(is_metadata).filter(|(ty, _)| is_called(ty)).map(|(ty, is_metadata)| {
                quote_spanned!(ty.span() => const _: () = ::core::assert!(!#is_metadata, #message);)
            });
            quote!(#(#checks)*)
        }
    }
}

fn implementation(
    function: &ItemFn,
    options: &Options,
    names: &Names,
    signature: &Signature,
    output: &Output,
    code: &Code,
) -> TokenStream {
    let root = &options.root;
    let Names { marker, params, operation, .. } = names;
    let output_type = &output.ty;
    let codec = options.codec.clone().unwrap_or_else(|| output.codec(root));
    let version = options.version.as_ref().map_or_else(|| "1".to_owned(), LitStr::value);
    let doc = doc_text(&function.attrs);
    let code = code_tokens(root, code);

    let parameters = signature.owned().map(|owned| {
        let (column, type_name) = (owned.column(), text(&owned.ty));
        let default = if owned.default.is_some() {
            let name = default_name(owned);
            quote! {
                ::core::option::Option::Some(|| #root::__private::Value::from_serde(&#params::#name()))
            }
        } else {
            quote!(::core::option::Option::None)
        };
        quote! {
            .parameter(#root::operation::ParameterInfo { name: #column, type_name: #type_name, default: #default })
        }
    });
    let lent = signature.arguments.iter().filter_map(|argument| match argument {
        Argument::Lent(ty) => Some(quote_spanned!(ty.span() => .lent(<#ty as #root::operation::Lent>::KIND))),
        _ => None,
    });
    let inputs = signature.inputs().map(|input| input.info(root));
    let resources = options.resources(root);
    let metadata = &options.metadata;
    let values = signature.arguments.iter().map(|argument| match argument {
        Argument::Owned(owned) => {
            let name = &owned.name;
            quote!(__params.#name)
        }
        Argument::Input(input) => input.take(root),
        Argument::Lent(ty) => quote_spanned!(ty.span() => <#ty as #root::operation::Lent>::lend(__run)?),
    });
    let ident = &function.sig.ident;
    let call = quote!(#ident(#(#values),*));
    let call = if output.fallible {
        quote!(::core::result::Result::map_err(#call, ::core::convert::Into::into))
    } else {
        quote!(::core::result::Result::Ok(#call))
    };
    quote! {
        #[automatically_derived]
        #[allow(clippy::useless_conversion, clippy::unit_arg, deprecated)]
        impl #root::operation::Operation for #marker {
            type Params = #params;
            type Output = #output_type;
            type Codec = #codec;

            fn describe() -> #root::operation::Description {
                let mut description = #root::operation::Description::new(
                    ::core::env!("CARGO_PKG_NAME"),
                    #operation,
                    #version,
                    #code,
                )
                #(#parameters)*
                #(#inputs)*
                #(#lent)*;
                #resources
                description.metadata = ::std::vec![#(#metadata),*];
                description.doc = #doc;
                description.module = ::core::module_path!();
                description
            }

            fn call(__params: #params, __run: &#root::operation::Run<'_>) -> #root::Result<#output_type> {
                #call
            }
        }
    }
}

pub(crate) fn code_tokens(root: &Path, code: &Code) -> TokenStream {
    let grade = Ident::new(code.grade.variant(), Span::call_site());
    let digest = match &code.digest {
        Some(digest) => quote!(::core::option::Option::Some(#digest)),
        None => quote!(::core::option::Option::None),
    };
    let items = code.items.iter().map(|item| {
        let (name, digest, place) = (&item.name, &item.digest, &item.place);
        quote!(#root::code::CodeItem { name: #name, digest: #digest, place: #place })
    });
    quote! {
        #root::code::Code { grade: #root::code::Grade::#grade, digest: #digest, items: &[#(#items),*] }
    }
}

/// The text of the doc comments, without the space that `///` leaves.
pub(crate) fn doc_text(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value
        {
            let line = line.value();
            lines.push(line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

fn path_text(path: &Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}
