/** Hash algorithms of the Nix formats (nix-behaviour: md5, sha1, sha256, sha512). */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512';

/** A digest with its algorithm. `hex` is lower case and exactly as long as the algorithm says. */
export interface Hash {
  readonly algorithm: HashAlgorithm;
  readonly hex: string;
}

/** How the content of a content-addressed object is hashed. `nar` is also called recursive and written `r:`. */
export type ContentMethod = 'flat' | 'nar' | 'text' | 'git';
