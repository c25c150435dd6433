// A SAML identity provider for the tests. It answers GET /sso?SAMLRequest=…&as=NAME with what a browser would post.
import http from 'node:http';
import { readFileSync } from 'node:fs';
import samlify from 'samlify';

const [port, keyFile, certificateFile] = process.argv.slice(2);
const here = `http://127.0.0.1:${port}`;
const people = JSON.parse(process.env.PEOPLE ?? '{}');
samlify.setSchemaValidator({ validate: async () => 'ok' });

const attributes = ['email', 'name', 'groups'];
const settings = {
  entityID: `${here}/metadata`,
  signingCert: readFileSync(certificateFile, 'utf8'),
  privateKey: readFileSync(keyFile, 'utf8'),
  isAssertionEncrypted: false,
  nameIDFormat: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
  singleSignOnService: [{ Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', Location: `${here}/sso` }],
  loginResponseTemplate: {
    context: samlify.SamlLib.defaultLoginResponseTemplate.context.replace(
      '{AuthnStatement}',
      '<saml:AuthnStatement AuthnInstant="{IssueInstant}"><saml:AuthnContext><saml:AuthnContextClassRef>' +
        'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport' +
        '</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>',
    ),
    attributes: attributes.map((name) => ({
      name,
      valueTag: name,
      nameFormat: 'urn:oasis:names:tc:SAML:2.0:attrname-format:basic',
      valueXsiType: 'xs:string',
    })),
  },
};
const idp = samlify.IdentityProvider(settings);
// For service providers whose metadata says that they sign, and for answers that only they can read.
const strict = samlify.IdentityProvider({ ...settings, wantAuthnRequestsSigned: true });
const secret = samlify.IdentityProvider({ ...settings, isAssertionEncrypted: true });

async function answer(url) {
  const query = Object.fromEntries(url.searchParams);
  const sp = samlify.ServiceProvider({ metadata: query.metadata });
  const octetString = url.search.slice(1).split('&').filter((pair) => /^(SAMLRequest|RelayState|SigAlg)=/.test(pair)).join('&');
  const given = { SAMLRequest: query.SAMLRequest, SigAlg: query.SigAlg, Signature: query.Signature };
  const reader = sp.entityMeta.isAuthnRequestSigned() ? strict : idp;
  const asked = await reader.parseLoginRequest(sp, 'redirect', { query: given, octetString });
  const person = people[query.as];
  const moment = new Date();
  const later = new Date(moment.getTime() + 300_000);
  const acs = sp.entityMeta.getAssertionConsumerService('post');
  const { context } = await (query.encrypt ? secret : idp).createLoginResponse(sp, asked, 'post', person, (template) => {
    const values = {
      ID: `_${crypto.randomUUID()}`,
      AssertionID: `_${crypto.randomUUID()}`,
      Destination: acs,
      Audience: sp.entityMeta.getEntityID(),
      EntityID: sp.entityMeta.getEntityID(),
      SubjectRecipient: acs,
      AssertionConsumerServiceURL: acs,
      Issuer: idp.entityMeta.getEntityID(),
      IssueInstant: moment.toISOString(),
      StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success',
      ConditionsNotBefore: moment.toISOString(),
      ConditionsNotOnOrAfter: later.toISOString(),
      SubjectConfirmationDataNotOnOrAfter: later.toISOString(),
      NameIDFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      NameID: person.subject,
      InResponseTo: asked.extract.request.id,
      attrEmail: person.email,
      attrName: person.name,
      attrGroups: person.group,
    };
    return { id: values.ID, context: samlify.SamlLib.replaceTagsByValue(template, values) };
  });
  return { action: acs, SAMLResponse: context, RelayState: query.RelayState };
}

http
  .createServer(async (request, response) => {
    const url = new URL(request.url, here);
    try {
      if (url.pathname === '/metadata') {
        response.end(idp.getMetadata());
      } else {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(await answer(url)));
      }
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error?.stack ?? error));
    }
  })
  .listen(Number(port), '127.0.0.1', () => console.log('ready'));
