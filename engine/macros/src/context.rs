//! The derive `Context`.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Fields, LitStr, Path, Type, parse_quote};

/// Writes the impls of `Context` and `Lent` for a struct.
pub(crate) fn derive(item: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let ident = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(
            ident,
            "a context is a struct with named fields: wrap the enum in one",
        ));
    };
    let fields = match &data.fields {
        Fields::Named(fields) => fields.named.iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            return Err(syn::Error::new_spanned(
                fields,
                "the fields of a context are recorded by name: give them names",
            ));
        }
    };
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &input.generics,
            "a context has no generic parameters: it is recorded under one name with concrete types",
        ));
    }
    let options = Options::of(&input.attrs)?;
    let name = options.name.map_or_else(|| ident.unraw().to_string(), |name| name.value());
    let root = options.root;

    let (mut entries, mut skipped_names) = (Vec::new(), Vec::new());
    let (mut leave, mut arrive) = (Vec::new(), Vec::new());
    for field in fields {
        let Some(ident) = &field.ident else { continue };
        let name = ident.unraw().to_string();
        let skip = skipped(&field.attrs)?;
        let ty = &field.ty;
        match skip {
            true => skipped_names.push(name.clone()),
            false => entries.push(quote! {
                (&&&#root::__private::travel::Counted::<#ty>::new()).enter(&self.#ident, #name, &mut fields)?;
            }),
        }
        let slot = slot(&root, &field.ty, skip);
        leave.push(quote!(#slot.leave(&self.#ident, #name, &mut fields)?;));
        arrive.push(quote!(#ident: #slot.arrive(value, #name)?));
    }
    Ok(quote! {
        #[automatically_derived]
        impl #root::context::Context for #ident {
            const NAME: &'static str = #name;

            #[allow(unused_imports, unused_mut)]
            fn fields(
                &self,
            ) -> ::core::result::Result<
                ::std::vec::Vec<#root::context::Field>,
                #root::context::FieldError,
            > {
                use #root::__private::travel::{EnterByFingerprint as _, EnterByValue as _, EnterNothing as _};
                let mut fields = ::std::vec::Vec::new();
                #(#entries)*
                ::core::result::Result::Ok(fields)
            }

            fn skipped() -> &'static [&'static str] {
                &[#(#skipped_names),*]
            }

            #[allow(unused_imports, unused_mut)]
            fn to_value(&self) -> #root::Result<#root::__private::Value> {
                use #root::__private::travel::{
                    ByDefault as _, ByValue as _, ByValueOrDefault as _, Stays as _,
                };
                let mut fields = #root::__private::travel::Fields::default();
                #(#leave)*
                fields.into_value()
            }

            #[allow(unused_imports, unused_variables)]
            fn from_value(value: &#root::__private::Value) -> #root::Result<Self> {
                use #root::__private::travel::{
                    ByDefault as _, ByValue as _, ByValueOrDefault as _, Stays as _,
                };
                ::core::result::Result::Ok(Self { #(#arrive),* })
            }
        }

        #root::__private::inventory::submit! {
            #root::context::ContextRegistration::of::<#ident>()
        }

        #[automatically_derived]
        impl #root::operation::Lent for #ident {
            const KIND: #root::operation::LentKind =
                #root::operation::LentKind::Context(<#ident as #root::context::Context>::NAME);

            fn lend<'r>(run: &'r #root::operation::Run<'_>) -> #root::Result<&'r Self> {
                run.context::<#ident>()
            }
        }
    })
}

/// Stands for a field's type while it travels to another process. The references in front are what the compiler takes
/// away one by one until it finds how that type travels (see the engine's `context::travel`).
fn slot(root: &Path, ty: &Type, skip: bool) -> TokenStream {
    let kind = if skip { quote!(Skipped) } else { quote!(Counted) };
    let slot = quote!(#root::__private::travel::#kind::<#ty>::new());
    // What borrows cannot be read, and the compiler would say so in words that help nobody.
    match borrows(ty.to_token_stream()) {
        true => quote!((#slot)),
        false => quote!((&&&&#slot)),
    }
}

/// Whether a lifetime is written anywhere in a type.
fn borrows(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == '\'',
        TokenTree::Group(group) => borrows(group.stream()),
        _ => false,
    })
}

struct Options {
    root: Path,
    name: Option<LitStr>,
}

impl Options {
    fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut options = Self { root: parse_quote!(::metalab), name: None };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("context")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    let name: LitStr = meta.value()?.parse()?;
                    let fine = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
                    if name.value().is_empty() || !name.value().chars().all(fine) {
                        return Err(syn::Error::new(
                            name.span(),
                            "a context is named by letters, digits, `_`, `-`",
                        ));
                    }
                    options.name = Some(name);
                } else if meta.path.is_ident("crate") {
                    let path: LitStr = meta.value()?.parse()?;
                    options.root = path.parse_with(Path::parse_mod_style)?;
                } else {
                    return Err(
                        meta.error("a context has the options `name = \"...\"` and `crate = \"...\"`")
                    );
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

fn skipped(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut skip = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("context")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                skip = true;
                Ok(())
            } else {
                Err(meta.error("a field of a context has the option `skip`: it does not count as identity"))
            }
        })?;
    }
    Ok(skip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(item: TokenStream) -> String {
        let tokens = derive(item).unwrap();
        syn::parse2::<syn::File>(tokens.clone()).unwrap();
        tokens.to_string().replace(' ', "")
    }

    #[test]
    fn fields_are_read_by_name_and_skipped_ones_left_out() {
        let text = written(quote! {
            #[context(name = "site", crate = "crate")]
            struct Site { data: FilePath, r#type: u8, #[context(skip)] verbose: bool }
        });
        assert!(text.contains(r#"constNAME:&'staticstr="site";"#), "{text}");
        assert!(text.contains(r#".enter(&self.data,"data",&mutfields)?"#), "{text}");
        assert!(text.contains(r#".enter(&self.r#type,"type",&mutfields)?"#), "{text}");
        assert!(!text.contains(".enter(&self.verbose"), "{text}");
        assert!(text.contains(r#"&["verbose"]"#), "{text}");
        assert!(
            text.contains("(&&&&crate::__private::travel::Skipped::<bool>::new()).leave(&self.verbose"),
            "{text}"
        );
        assert!(
            written(quote!(
                struct Nothing;
            ))
            .contains(r#""Nothing""#)
        );
    }

    #[test]
    fn mistakes_are_explained() {
        for (item, part) in [
            (
                quote!(
                    enum E {
                        A,
                    }
                ),
                "struct with named fields",
            ),
            (
                quote!(
                    struct T(u8);
                ),
                "give them names",
            ),
            (
                quote!(
                    struct G<T> {
                        x: T,
                    }
                ),
                "no generic parameters",
            ),
            (
                quote!(
                    struct S {
                        #[context(hide)]
                        x: u8,
                    }
                ),
                "option `skip`",
            ),
            (
                quote!(
                    #[context(title = "x")]
                    struct S;
                ),
                "options `name",
            ),
            (
                quote!(
                    #[context(name = "a/b")]
                    struct S;
                ),
                "letters, digits",
            ),
        ] {
            let error = derive(item).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
