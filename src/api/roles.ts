import { type AccessRole, accessRoles } from "../model/access.ts";

/**
 * What a caller must be for each route. `viewer` reads. `operator` also stops: what waits, what is on trial, everything. `approver` also
 * lets changes onto routers, back from a confirmed one included. `admin` also overrides other people, says that what is stuck has been put right, and takes the whole audit log away.
 * Two routes ask for more where the case does: a rollback of what is confirmed, and a resume of what somebody else has stopped (`server.ts`).
 */
export const routeRoles: Readonly<Record<string, AccessRole>> = {
  "GET /v1/whoami": "viewer",
  "GET /v1/status": "viewer",
  "GET /v1/shed": "viewer",
  "GET /metrics": "viewer",
  "GET /v1/changes": "viewer",
  "GET /v1/changes/:id": "viewer",
  "GET /v1/explain/:subject": "viewer",
  "GET /v1/audit/verify": "operator",
  "GET /v1/audit/export": "admin",
  "POST /v1/changes/:id/reject": "operator",
  "POST /v1/changes/:id/rollback": "operator",
  "POST /v1/freeze": "operator",
  "POST /v1/kill": "operator",
  "POST /v1/resume": "operator",
  "POST /v1/changes/:id/approve": "approver",
  "POST /v1/changes/:id/settle": "admin",
};

/** A route that stands in no table is nobody's but the administrator's. */
export const roleFor = (method: string, path: string): AccessRole => routeRoles[`${method} ${path}`] ?? "admin";

export const mayActAs = (role: AccessRole, needed: AccessRole): boolean =>
  accessRoles.indexOf(role) >= accessRoles.indexOf(needed);
