import { derivation, toFile } from 'airplant';

// The derivation of docs/tour.md. It is made of text alone and for one platform, so its paths are the same everywhere.
export default derivation({
  name: 'greeting',
  system: 'x86_64-linux',
  builder: '/bin/sh',
  args: ['-euc', 'read -r name < $who; echo "asking $who"; echo "Hello, $name! ($who said so)" > $out'],
  who: toFile('who', 'world\n'),
});
