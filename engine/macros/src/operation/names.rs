//! The names of what is generated.

use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Ident, ItemFn};

use super::options::Options;

/// The names of the types written for one operation.
pub(crate) struct Names {
    /// The recorded name, without `r#`.
    pub(crate) operation: String,
    /// `EstimatePi`.
    pub(crate) marker: Ident,
    /// `EstimatePiParams`.
    pub(crate) params: Ident,
    /// `EstimatePiGrid`.
    pub(crate) grid: Ident,
}

impl Names {
    pub(crate) fn of(function: &ItemFn, options: &Options) -> syn::Result<Self> {
        let ident = &function.sig.ident;
        let (plain, marker) = marker(ident, options.type_name.as_ref(), "operation", "operation")?;
        let params = options.params.clone().unwrap_or_else(|| format_ident!("{marker}Params"));
        let grid = format_ident!("{marker}Grid");
        if params == marker || params == grid {
            let message = format!("`params` and another type of this operation are both called `{params}`");
            return Err(syn::Error::new(params.span(), message));
        }
        let operation = options.name.as_ref().map_or(plain, syn::LitStr::value);
        Ok(Self { operation, marker, params, grid })
    }
}

/// The plain name of a function, and the name of the type that the attribute writes for it; `thing` is what messages
/// call the function.
///
/// # Errors
/// When both are the same, as they then cannot stand in one module.
pub(crate) fn marker(
    ident: &Ident,
    chosen: Option<&Ident>,
    thing: &str,
    attribute: &str,
) -> syn::Result<(String, Ident)> {
    let plain = ident.unraw().to_string();
    let marker = chosen.cloned().unwrap_or_else(|| Ident::new(&upper_camel(&plain), ident.span()));
    if marker == *ident {
        let message = format!(
            "the type of the {thing} would be called `{marker}` like the function: name the function in snake_case, or the type by `#[{attribute}(type = \"...\")]`"
        );
        return Err(syn::Error::new(ident.span(), message));
    }
    Ok((plain, marker))
}

/// `estimate_pi` to `EstimatePi`.
pub(crate) fn upper_camel(snake: &str) -> String {
    let mut camel = String::with_capacity(snake.len());
    for word in snake.split('_') {
        let mut characters = word.chars();
        if let Some(first) = characters.next() {
            camel.extend(first.to_uppercase());
            camel.push_str(characters.as_str());
        }
    }
    if camel.starts_with(|c: char| c.is_numeric()) || camel.is_empty() {
        camel.insert(0, '_');
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::upper_camel;

    #[test]
    fn words_are_joined() {
        for (snake, camel) in [
            ("estimate_pi", "EstimatePi"),
            ("knn", "Knn"),
            ("_hidden", "Hidden"),
            ("model_2", "Model2"),
            ("__2d", "_2d"),
            ("größe_messen", "GrößeMessen"),
            ("already__two", "AlreadyTwo"),
        ] {
            assert_eq!(upper_camel(snake), camel);
        }
    }
}
