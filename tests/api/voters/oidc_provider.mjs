// A real OpenID provider for the tests: `node oidc_provider.mjs PORT CALLBACK`. Its login page asks for a name and
// believes it. Prints "ready" when it listens; ends when its input does, so that it never outlives the tests.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const [port, callback] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "binhchon",
      client_secret: "a secret/with+signs&=",
      redirect_uris: [callback],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] },
  cookies: { keys: ["cookies of the tests"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.vn`, email_verified: !id.startsWith("unverified") }),
  }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
});

const pages = provider.callback();
const LOGIN = `<!doctype html><title>Provider</title><h1>Provider</h1>
<form method="post"><label>Name <input name="name"></label><button>Log in</button>
<button name="cancel" value="1">Cancel</button></form>`;

async function fields(request) {
  let body = "";
  for await (const part of request) body += part;
  return new URLSearchParams(body);
}

const server = createServer(async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return pages(request, response);
  if (request.method !== "POST") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end(LOGIN);
  }
  const typed = await fields(request);
  const result = typed.get("cancel") ? { error: "access_denied" } : { login: { accountId: typed.get("name") } };
  return provider.interactionFinished(request, response, result);
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
process.stdin.on("end", () => process.exit()).resume();
