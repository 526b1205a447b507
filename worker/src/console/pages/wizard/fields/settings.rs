//! What is the same for all users of the file: how they make calls, log in, and how long they stay logged in.

use maud::{Markup, html};
use shared::field::Field;

use super::form::FieldsForm;
use crate::console::choices::{SipKind, TWO_FACTOR};

impl FieldsForm<'_> {
    pub(super) fn sip(&self) -> Markup {
        let kind = self.choices.sip;
        html! {
            fieldset.map {
                legend.map-name { "SIP Settings" span.must title="required" { " *" } }
                div.map-control {
                    @for (own, value, name, remark) in SipKind::ALL {
                        label.choice {
                            input type="radio" id={ "sip." (value) } name="sip" value=(value) checked[own == kind];
                            span { (name) span.hint.block { (remark) } }
                        }
                    }
                }
            }
            @if kind == SipKind::ClassicPbx {
                (self.row("pbx_domain", "PBX Domain", true, &html! {
                    select id="pbx_domain" name="pbx_domain" {
                        option value="" { "Choose a domain" }
                        @for named in &self.lists.pbx_domains {
                            option value=(named.id) selected[self.choices.pbx_domain.is_some_and(|id| id.get() == named.id)] { (named.name) }
                        }
                    }
                    @if self.lists.pbx_domains.is_empty() { p.hint { "Your tenant has no PBX domain." } }
                }, &html! { span.hint { "Used for all users in the file." } }))
            }
            @match kind.field() {
                Some(Field::PbxDevice) => (self.column(Field::PbxDevice, "PBX Device", true, "Can be the same column as the virtual extension.")),
                Some(field) => (self.column(field, "SIP URI", true, "For example, sip:user@pbx.example.com.")),
                None => {},
            }
        }
    }

    pub(super) fn two_factor(&self) -> Markup {
        html! {
            fieldset {
                legend { h2 { "Authentication type" } }
                @for (own, name, remark) in TWO_FACTOR {
                    label.choice {
                        input type="radio" id={ "two_factor." (own.as_str()) } name="two_factor" value=(own.as_str()) checked[own == self.choices.two_factor];
                        span { (name) span.hint.block { (remark) } }
                    }
                }
            }
        }
    }

    pub(super) fn security(&self) -> Markup {
        let limit = |name: &str, label: &str, value: &str, tip: &str| {
            html! {
                div.field.wrong[self.error(name).is_some()] {
                    label for=(name) { (label) }
                    input id=(name) name=(name) type="text" inputmode="numeric" value=(value) placeholder="Unlimited" aria-describedby={ (name) "-tip" };
                    span.hint id={ (name) "-tip" } { (tip) }
                    @if let Some(error) = self.error(name) { p.error { (error) } }
                }
            }
        };
        html! {
            label.choice.spaced {
                input.switch type="checkbox" role="switch" id="advanced" name="advanced" value="on" checked[self.choices.advanced];
                span { "Advanced security settings" }
            }
            @if self.choices.advanced {
                div.fields {
                    (limit("max_session_minutes", "Maximum session length in minutes", &self.choices.max_session_minutes,
                        "Users are logged out after this many minutes. Leave empty for no limit."))
                    (limit("max_concurrent_sessions", "Maximum concurrent sessions", &self.choices.max_concurrent_sessions,
                        "A user can be logged in on this many devices at once. Leave empty for no limit."))
                }
            }
        }
    }
}
