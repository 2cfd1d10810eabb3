export { FLIPT_NOUNS, FLIPT_VERBS, type FliptNoun, type FliptVerb } from './words.js';
