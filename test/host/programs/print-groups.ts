// Prints the groups of a builder that is the caller with (`kept`) or without (`dropped`) its supplementary groups.
import { callersIdentity } from '../../../ts/sandbox/identity.js';
import { withoutGroups } from '../../support/identities.js';
import { outputOf } from '../../support/sandbox.js';

console.log(await outputOf('id -G', process.argv[2] === 'dropped' ? withoutGroups() : callersIdentity));
