//! Passwords of users in a transaction.

use diesel::sql_types::Text;
use headcount_model::Seq;
use headcount_store::{StoreError, passwords::PasswordTxn};
use headcount_token::PasswordHash;

use crate::{sql::Sql, txn::DieselTxn};

impl PasswordTxn for DieselTxn<'_> {
    fn set_password(&mut self, resource: Seq, hash: Option<&PasswordHash>) -> Result<(), StoreError> {
        let tenant = self.key();
        let Some(hash) = hash else {
            let sql = Sql::new("DELETE FROM passwords WHERE tenant_id = ").int(tenant).raw(" AND resource = ");
            return self.run(&sql.int(resource.0)).map(|_| ());
        };
        let sql = Sql::new("INSERT INTO passwords (tenant_id, resource, phc) SELECT r.tenant_id, r.seq, CAST(")
            .text(hash.as_str())
            .raw(" AS TEXT) FROM resources r WHERE r.tenant_id = ")
            .int(tenant)
            .raw(" AND r.seq = ")
            .int(resource.0)
            .raw(" ON CONFLICT (tenant_id, resource) DO UPDATE SET phc = excluded.phc");
        match self.run(&sql)? {
            0 => Err(StoreError::NotFound),
            _ => Ok(()),
        }
    }

    fn password(&mut self, resource: Seq) -> Result<Option<PasswordHash>, StoreError> {
        let sql = Sql::new("SELECT phc FROM passwords WHERE tenant_id = ")
            .int(self.key())
            .raw(" AND resource = ")
            .int(resource.0);
        Ok(self.one::<Text, String>(&sql)?.map(|text| PasswordHash::from_stored(&text)))
    }
}
