//! The declarations: `structure!`, `action!` and `enumeration!`.
//!
//! A field is `/// doc`, `"WireName" rust_name: Type`, then, after `=>`, the builder calls of
//! [`FieldInfo`](crate::FieldInfo) that say what else holds for it, and `;`.

/// A Rust struct and its table, shared by `structure!` and `action!`.
macro_rules! record {
    (
        $(#[doc = $doc:expr])+
        $name:ident, $usage:ident, skip $skip:literal, then [$($more:expr),*] {
            $(
                $(#[doc = $field_doc:literal])+
                $wire:literal $field:ident : $type:ty $(=> $($option:ident ( $($argument:expr),* )),+)? ;
            )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Default, ::serde::Serialize, ::serde::Deserialize)]
        pub struct $name {
            $(
                $(#[doc = $field_doc])+
                #[serde(rename = $wire, skip_serializing_if = $skip)]
                pub $field: $type,
            )*
        }

        impl $name {
            /// The fields, in the document's order.
            pub const FIELDS: &'static [$crate::FieldInfo] = &[
                $(
                    $crate::FieldInfo::new::<$type>($wire, concat!($($field_doc),+), $crate::Usage::$usage)
                        $($(.$option($($argument),*))+)?,
                )*
                $($more,)*
            ];
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let mut out = f.debug_struct(stringify!($name));
                $(out.field(stringify!($field), $crate::info::shown(Self::FIELDS, $wire, &self.$field));)*
                out.finish()
            }
        }
    };
}

/// Declares a structure of the API: a type, its table and its place on the wire.
macro_rules! structure {
    (@ $usage:ident, $skip:literal, [$($doc:literal)+], $name:ident $body:tt) => {
        record! { $(#[doc = $doc])+ $name, $usage, skip $skip, then [] $body }

        impl $crate::Structure for $name {
            const INFO: &'static $crate::StructInfo = &$crate::StructInfo {
                name: stringify!($name),
                doc: concat!($($doc),+).trim_ascii(),
                usage: $crate::Usage::$usage,
                fields: $name::FIELDS,
            };
        }

        impl $crate::Wire for $name {
            const TYPE: $crate::WireType = $crate::WireType::Struct(<$name as $crate::Structure>::INFO);
        }
    };
    ($(#[doc = $doc:literal])+ in $name:ident $body:tt) => {
        structure! { @ In, "crate::info::is_absent", [$($doc)+], $name $body }
    };
    ($(#[doc = $doc:literal])+ out $name:ident $body:tt) => {
        structure! { @ Out, "crate::info::never", [$($doc)+], $name $body }
    };
    ($(#[doc = $doc:literal])+ both $name:ident $body:tt) => {
        structure! { @ Both, "crate::info::never", [$($doc)+], $name $body }
    };
}

/// Declares an action: its key type, request, response and table. `changes` or `reads` says which it does.
macro_rules! action {
    (@changes changes) => { true };
    (@changes reads) => { false };
    (
        $(#[doc = $doc:literal])+
        $effect:ident $name:ident in $group:literal {
            $(aliases: [$($alias:literal),+],)?
            $(extension: $extension:literal,)?
            errors: [$($code:ident),* $(,)?],
            request: $request:ident $request_body:tt
            response: $response:ident $response_body:tt
            example_request: $example_request:literal,
            example_response: $example_response:literal,
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        record! {
            #[doc = concat!("The request of [`", stringify!($name), "`].")]
            $request, In, skip "crate::info::is_absent", then [] $request_body
        }

        record! {
            #[doc = concat!("The response of [`", stringify!($name), "`], without `RequestId`.")]
            $response, Out, skip "crate::info::never", then [$crate::info::REQUEST_ID] $response_body
        }

        impl $crate::Action for $name {
            const INFO: &'static $crate::ActionInfo = &$crate::ActionInfo {
                name: stringify!($name),
                aliases: &[$($($alias),+)?],
                doc: concat!($($doc),+).trim_ascii(),
                group: $group,
                region_required: true,
                changes: action!(@changes $effect),
                extension: false $(|| $extension)?,
                request: $request::FIELDS,
                response: $response::FIELDS,
                error_codes: &[$($crate::Code::$code),*],
                example_request: $example_request,
                example_response: $example_response,
                rate_limit: $crate::info::DEFAULT_RATE_LIMIT,
            };
            type Request = $request;
            type Response = $response;
        }
    };
}

/// Declares an enumeration whose values are strings on the wire. The first value is the default.
macro_rules! enumeration {
    (
        $(#[doc = $doc:literal])+
        $name:ident {
            $(#[doc = $first_doc:literal])+
            $first:ident = $first_value:literal $(| $first_alias:literal)*,
            $($(#[doc = $value_doc:literal])+ $variant:ident = $value:literal $(| $alias:literal)*,)*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name {
            $(#[doc = $first_doc])+
            #[default]
            #[serde(rename = $first_value)]
            $first,
            $($(#[doc = $value_doc])+ #[serde(rename = $value)] $variant,)*
        }

        impl $name {
            /// The value on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_value,
                    $(Self::$variant => $value,)*
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::Wire for $name {
            const TYPE: $crate::WireType = $crate::WireType::String;
            const VALUES: &'static [&'static str] = &[$first_value, $($value),*];
            const VALUE_ALIASES: &'static [(&'static str, &'static str)] = &[
                $(($first_alias, $first_value),)*
                $($(($alias, $value),)*)*
            ];
        }
    };
}
