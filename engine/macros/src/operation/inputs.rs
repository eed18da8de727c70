//! What an operation takes from other steps.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, GenericArgument, Ident, PatType, Path, PathArguments, Type};

use super::Errors;
use super::arguments::{concrete, name_of, refuse_reserved, renamed, text};
use super::output::{codec_of, last_segment, plain};

/// An argument of type `Input<T>` or `Gathered<T>`.
pub(crate) struct InputArgument {
    pub(crate) name: Ident,
    /// The type of the value.
    pub(crate) ty: Type,
    pub(crate) form: Form,
    codec: Option<Path>,
    pub(crate) doc: Vec<Attribute>,
}

/// How an input is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    One,
    Many,
    File,
    Folder,
}

/// The name and the value's type of an argument that is an input.
pub(crate) fn value_type(ty: &Type) -> Option<(&Ident, &Type)> {
    let segment = last_segment(plain(ty))?;
    if segment.ident != "Input" && segment.ident != "Gathered" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match (arguments.args.first(), arguments.args.len()) {
        (Some(GenericArgument::Type(value)), 1) => Some((&segment.ident, plain(value))),
        _ => None,
    }
}

impl InputArgument {
    pub(crate) fn of(argument: &PatType, wrapper: &Ident, ty: &Type) -> syn::Result<Self> {
        let mut errors = Errors::default();
        let mut name = errors.take(name_of(argument)).cloned();
        if let Err(error) = concrete(ty) {
            errors.add(error);
        }
        let (mut codec, mut doc) = (None, Vec::new());
        for attribute in &argument.attrs {
            let path = attribute.path();
            if path.is_ident("doc") {
                doc.push(attribute.clone());
            } else if path.is_ident("rename") {
                if let Some(new) = errors.take(renamed(attribute)) {
                    name = Some(new);
                }
            } else if path.is_ident("codec") {
                match attribute.parse_args::<Path>() {
                    Ok(path) => codec = Some(path),
                    Err(_) => errors.add(syn::Error::new_spanned(
                        attribute,
                        "the codec of an input is written `#[codec(metalab::codec::Json)]`: the one of the step that makes it",
                    )),
                }
            } else if path.is_ident("default") || path.is_ident("serde") {
                errors.add(syn::Error::new_spanned(
                    attribute,
                    "this attribute is for arguments with values of their own; an input comes from another step",
                ));
            }
        }
        if let Some(name) = &name
            && let Err(error) = refuse_reserved(name)
        {
            errors.add(error);
        }
        let is = |name: &str| {
            last_segment(ty).is_some_and(|segment| segment.ident == name && segment.arguments.is_none())
        };
        let many = wrapper == "Gathered";
        let form = match (is("FilePath"), is("DirPath"), many) {
            (false, false, false) => Form::One,
            (false, false, true) => Form::Many,
            (true, _, false) => Form::File,
            (_, true, false) => Form::Folder,
            (_, _, true) => {
                errors.add(syn::Error::new_spanned(
                    ty,
                    "files and folders cannot be gathered yet: gather values, or what was read from the files",
                ));
                Form::Many
            }
        };
        if let (Some(codec), Form::File | Form::Folder) = (&codec, form) {
            errors
                .add(syn::Error::new_spanned(codec, "a file or folder is not decoded: leave the codec out"));
        }
        errors.finish()?;
        let name = name.unwrap_or_else(|| Ident::new("_", proc_macro2::Span::call_site()));
        Ok(Self { name, ty: ty.clone(), form, codec, doc })
    }

    /// The name in records.
    pub(crate) fn column(&self) -> String {
        use syn::ext::IdentExt;
        self.name.unraw().to_string()
    }

    fn codec(&self, root: &Path) -> Path {
        self.codec.clone().unwrap_or_else(|| codec_of(&self.ty, root))
    }

    /// The call that describes it.
    pub(crate) fn info(&self, root: &Path) -> TokenStream {
        let (name, ty, type_name, codec) = (self.column(), &self.ty, text(&self.ty), self.codec(root));
        let info = match self.form {
            Form::One => quote_spanned!(ty.span() => one::<#ty, #codec>(#name, #type_name)),
            Form::Many => quote_spanned!(ty.span() => many::<#ty, #codec>(#name, #type_name)),
            Form::File => quote!(file(#name)),
            Form::Folder => quote!(folder(#name)),
        };
        quote!(.input(#root::operation::InputInfo::#info))
    }

    /// What the operation is called with.
    pub(crate) fn take(&self, root: &Path) -> TokenStream {
        let (name, ty, codec) = (self.column(), &self.ty, self.codec(root));
        match self.form {
            Form::One => quote_spanned!(ty.span() => __run.input::<#ty, #codec>(#name)?),
            Form::Many => quote_spanned!(ty.span() => __run.gathered::<#ty, #codec>(#name)?),
            Form::File => quote!(__run.input_file(#name)?),
            Form::Folder => quote!(__run.input_folder(#name)?),
        }
    }

    /// The trait of what its setter takes, and the method of that.
    pub(crate) fn source(&self, root: &Path) -> (TokenStream, TokenStream) {
        let ty = &self.ty;
        match self.form {
            Form::Many => (quote!(#root::inputs::IntoGather<#ty>), quote!(into_gather)),
            _ => (quote!(#root::inputs::IntoInput<#ty>), quote!(into_input)),
        }
    }
}
