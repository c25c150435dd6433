// An OpenID provider for the tests: the certified library, with people and claims from the PEOPLE variable.
import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const people = JSON.parse(process.env.PEOPLE ?? '{}');

const provider = new Provider(issuer, {
  features: { registration: { enabled: true } },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  cookies: { keys: ['a key of the tests'] },
  pkce: { required: () => true },
  async findAccount(_ctx, id) {
    return { accountId: id, claims: async () => ({ sub: id, ...people[id] }) };
  },
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
