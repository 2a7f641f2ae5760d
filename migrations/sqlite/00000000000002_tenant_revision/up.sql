-- Grows with every change of a tenant's settings, so that what remembers them can tell.
ALTER TABLE tenants ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
