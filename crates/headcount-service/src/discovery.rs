//! Discovery (RFC 7644 §4): what this service provider is, has and can, as it is true for the
//! connection that asks.
//!
//! The schemas of the registry are what requests are checked against. What is shown of them is
//! narrower: an attribute that an answer to this connection can never hold is not declared, so that
//! a client which maps what it finds never maps into nothing.

use headcount_model::{
    Switches,
    switches::{Passwords, Toggle, UserGroups},
};
use scim_schema::{
    Attribute, Registry, Schema, ScimError, Uniqueness,
    builtin::{self, ENTERPRISE_USER, GROUP, LIST_RESPONSE, SERVICE_PROVIDER_CONFIG, USER},
};
use serde_json::{Value, json};

use crate::{
    answer::{Answer, Body},
    caller::Caller,
    limits::Limits,
    service::Service,
};

impl Service {
    /// `/ServiceProviderConfig` (RFC 7643 §5; RFC 9865 §4), as it is true for this connection.
    #[must_use]
    pub fn service_provider_config(&self, caller: &Caller) -> Answer {
        let location = format!("{}/ServiceProviderConfig", caller.base_url);
        let mut document = configuration(self.limits(), &caller.switches);
        add_meta(&mut document, "ServiceProviderConfig", &location);
        single(&document, location)
    }

    /// `/ResourceTypes`, or one of them by id, compared exactly (RFC 7643 §6).
    ///
    /// # Errors
    /// [`ScimError`] 404.
    pub fn resource_types(&self, caller: &Caller, id: Option<&str>) -> Result<Answer, ScimError> {
        let documents = self.registry().resource_types().iter().map(|resource_type| {
            let location = format!("{}/ResourceTypes/{}", caller.base_url, resource_type.id);
            let mut document = resource_type.to_document();
            add_meta(&mut document, "ResourceType", &location);
            (resource_type.id.clone(), document, location)
        });
        let Some(id) = id else {
            let all: Vec<Value> = documents.map(|(_, document, _)| document).collect();
            return Ok(list(&all));
        };
        documents
            .into_iter()
            .find(|(known, _, _)| known == id)
            .map(|(_, document, location)| single(&document, location))
            .ok_or_else(|| ScimError::not_found("ResourceType", id))
    }

    /// `/Schemas`, or one of them by URN in any letter case (RFC 7643 §7), with what this
    /// connection's answers can hold. The three schemas of discovery itself come last (RFC 7643
    /// §8.7.2; RFC 7644 §4: "all supported schemas").
    ///
    /// # Errors
    /// [`ScimError`] 404.
    pub fn schemas(&self, caller: &Caller, urn: Option<&str>) -> Result<Answer, ScimError> {
        let documents = served_schemas(self.registry(), &caller.switches).into_iter().map(|schema| {
            let location = format!("{}/Schemas/{}", caller.base_url, schema.urn);
            let mut document = schema.to_document();
            add_meta(&mut document, "Schema", &location);
            (schema, document, location)
        });
        let Some(urn) = urn else {
            let all: Vec<Value> = documents.map(|(_, document, _)| document).collect();
            return Ok(list(&all));
        };
        documents
            .into_iter()
            .find(|(schema, _, _)| schema.urn.is(urn))
            .map(|(_, document, location)| single(&document, location))
            .ok_or_else(|| ScimError::not_found("Schema", urn))
    }
}

fn single(document: &Value, location: String) -> Answer {
    Answer { status: 200, body: Some(Body::Whole(document.to_string())), etag: None, location: Some(location) }
}

/// A list response that holds everything: discovery knows no pages (RFC 7644 §4).
fn list(documents: &[Value]) -> Answer {
    let body = json!({
        "schemas": [LIST_RESPONSE],
        "totalResults": documents.len(),
        "startIndex": 1,
        "itemsPerPage": documents.len(),
        "Resources": documents,
    });
    Answer { status: 200, body: Some(Body::Whole(body.to_string())), etag: None, location: None }
}

fn add_meta(document: &mut Value, resource_type: &str, location: &str) {
    if let Value::Object(members) = document {
        members.insert("meta".to_owned(), json!({ "resourceType": resource_type, "location": location }));
    }
}

fn configuration(limits: &Limits, switches: &Switches) -> Value {
    let mut schemes = vec![json!({
        "type": "oauthbearertoken",
        "name": "OAuth Bearer Token",
        "description": "The token of the connection in the Authorization header, after the word Bearer.",
        "specUri": "https://www.rfc-editor.org/info/rfc6750",
        "primary": true,
    })];
    if switches.basic_token.accepts() {
        schemes.push(json!({
            "type": "httpbasic",
            "name": "HTTP Basic",
            "description": "The token of the connection as the password, with any user name.",
            "specUri": "https://www.rfc-editor.org/info/rfc7617",
        }));
    }
    json!({
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": { "supported": true },
        "bulk": {
            "supported": true,
            "maxOperations": limits.max_bulk_operations,
            "maxPayloadSize": limits.max_bulk_bytes,
        },
        "filter": { "supported": true, "maxResults": limits.max_page },
        "changePassword": { "supported": switches.passwords == Passwords::Store },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.default_page,
            "maxPageSize": limits.max_page,
            "cursorTimeout": limits.cursor_timeout_s,
        },
        "authenticationSchemes": schemes,
    })
}

/// The schemas of the registry as this connection sees them, then those of discovery.
fn served_schemas(registry: &Registry, switches: &Switches) -> Vec<Schema> {
    let mut served: Vec<Schema> = registry.schemas().iter().map(|schema| declared(schema, switches)).collect();
    for schema in builtin::discovery_schemas() {
        if registry.schema(schema.urn.as_str()).is_none() {
            served.push(schema);
        }
    }
    served
}

/// A schema without what this connection's answers never hold.
fn declared(schema: &Schema, switches: &Switches) -> Schema {
    let mut schema = schema.clone();
    if schema.urn.is(USER) {
        if switches.passwords == Passwords::Refuse {
            schema.attributes.retain(|attribute| attribute.name != "password");
        }
        if let Some(groups) = attribute_mut(&mut schema.attributes, "groups") {
            without_display(groups, switches);
            if switches.user_groups == UserGroups::Direct
                && let Some(kind) = attribute_mut(&mut groups.sub_attributes, "type")
            {
                kind.canonical_values.retain(|value| value == "direct");
            }
        }
    }
    if schema.urn.is(GROUP) {
        if switches.unique_group_names == Toggle::Off
            && let Some(name) = attribute_mut(&mut schema.attributes, "displayName")
        {
            name.uniqueness = Uniqueness::None;
        }
        if let Some(members) = attribute_mut(&mut schema.attributes, "members") {
            without_display(members, switches);
        }
    }
    // A manager is stored as an id and not looked up, so there is never a name to show.
    if schema.urn.is(ENTERPRISE_USER)
        && let Some(manager) = attribute_mut(&mut schema.attributes, "manager")
    {
        manager.sub_attributes.retain(|attribute| attribute.name != "displayName");
    }
    schema
}

fn without_display(attribute: &mut Attribute, switches: &Switches) {
    if switches.member_display == Toggle::Off {
        attribute.sub_attributes.retain(|sub| sub.name != "display");
    }
}

fn attribute_mut<'a>(attributes: &'a mut [Attribute], name: &str) -> Option<&'a mut Attribute> {
    attributes.iter_mut().find(|attribute| attribute.name == name)
}

#[cfg(test)]
mod tests {
    use headcount_model::Preset;
    use scim_schema::validate::Leniency;

    use super::*;

    fn names(schema: &Schema, attribute: &str) -> Vec<String> {
        schema.attribute(attribute).unwrap().sub_attributes.iter().map(|sub| sub.name.clone()).collect()
    }

    fn served(switches: &Switches, urn: &str) -> Schema {
        served_schemas(&Registry::builtin(), switches).into_iter().find(|schema| schema.urn.is(urn)).unwrap()
    }

    #[test]
    fn rfc7643_5_every_required_member_of_the_configuration_is_there_with_its_type() {
        let document = configuration(&Limits::default(), &Preset::Generic.switches());
        assert_eq!(document["patch"]["supported"], true);
        assert_eq!(document["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 10_485_760}));
        assert_eq!(document["filter"], json!({"supported": true, "maxResults": 500}));
        assert_eq!(document["changePassword"]["supported"], false);
        assert_eq!(document["sort"]["supported"], true);
        assert_eq!(document["etag"]["supported"], true);
        for required in ["type", "name", "description"] {
            assert!(document["authenticationSchemes"][0][required].is_string(), "{required}");
        }
        assert_eq!(document["authenticationSchemes"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn rfc9865_4_both_ways_of_paging_are_declared_and_index_is_the_default() {
        let document = configuration(&Limits::default(), &Preset::Generic.switches());
        assert_eq!(
            document["pagination"],
            json!({
                "cursor": true, "index": true, "defaultPaginationMethod": "index",
                "defaultPageSize": 100, "maxPageSize": 500, "cursorTimeout": 3600,
            })
        );
    }

    #[test]
    fn the_configuration_follows_the_switches() {
        let mut switches = Preset::Generic.switches();
        switches.basic_token = Leniency::Accept;
        switches.passwords = Passwords::Store;
        let document = configuration(&Limits::default(), &switches);
        assert_eq!(document["authenticationSchemes"][1]["type"], "httpbasic");
        assert_eq!(document["changePassword"]["supported"], true);
    }

    /// RFC 7644 §3.1.
    #[test]
    fn rfc7643_8_7_2_the_schemas_of_discovery_are_served_once_and_last() {
        let served = served_schemas(&Registry::builtin(), &Switches::STRICT);
        let urns: Vec<&str> = served.iter().map(|schema| schema.urn.as_str()).collect();
        let discovery = [SERVICE_PROVIDER_CONFIG, builtin::RESOURCE_TYPE, builtin::SCHEMA];
        assert_eq!(urns.len(), 6);
        assert!(urns[3..].iter().all(|urn| discovery.contains(urn)), "{urns:?}");
        assert!(urns[..3].iter().all(|urn| [USER, GROUP, ENTERPRISE_USER].contains(urn)), "{urns:?}");
    }

    #[test]
    fn display_is_declared_only_where_answers_carry_it() {
        let mut switches = Switches::STRICT;
        assert_eq!(names(&served(&switches, GROUP), "members"), ["value", "$ref", "type"]);
        assert_eq!(names(&served(&switches, USER), "groups"), ["value", "$ref", "type"]);
        switches.member_display = Toggle::On;
        assert!(names(&served(&switches, GROUP), "members").contains(&"display".to_owned()));
        assert!(names(&served(&switches, USER), "groups").contains(&"display".to_owned()));
    }

    #[test]
    fn a_password_that_is_refused_is_not_declared() {
        let mut switches = Switches::STRICT;
        assert!(served(&switches, USER).attribute("password").is_some());
        switches.passwords = Passwords::Refuse;
        assert!(served(&switches, USER).attribute("password").is_none());
    }

    #[test]
    fn the_uniqueness_of_group_names_is_declared_while_it_is_enforced() {
        let mut switches = Switches::STRICT;
        assert_eq!(served(&switches, GROUP).attribute("displayName").unwrap().uniqueness, Uniqueness::Server);
        switches.unique_group_names = Toggle::Off;
        assert_eq!(served(&switches, GROUP).attribute("displayName").unwrap().uniqueness, Uniqueness::None);
    }

    #[test]
    fn a_user_that_shows_direct_groups_only_declares_no_indirect_ones() {
        let mut switches = Switches::STRICT;
        switches.user_groups = UserGroups::Direct;
        let user = served(&switches, USER);
        assert_eq!(user.attribute("groups").unwrap().sub_attribute("type").unwrap().canonical_values, ["direct"]);
    }

    #[test]
    fn a_manager_declares_no_name_because_none_is_ever_shown() {
        assert_eq!(names(&served(&Switches::STRICT, ENTERPRISE_USER), "manager"), ["value", "$ref"]);
    }

    #[test]
    fn no_document_holds_null() {
        fn has_null(value: &Value) -> bool {
            match value {
                Value::Null => true,
                Value::Array(items) => items.iter().any(has_null),
                Value::Object(members) => members.values().any(has_null),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            }
        }
        assert!(!has_null(&configuration(&Limits::default(), &Switches::STRICT)));
        for schema in served_schemas(&Registry::builtin(), &Switches::STRICT) {
            assert!(!has_null(&schema.to_document()), "{}", schema.urn);
        }
        for resource_type in Registry::builtin().resource_types() {
            assert!(!has_null(&resource_type.to_document()), "{}", resource_type.name);
        }
    }
}
