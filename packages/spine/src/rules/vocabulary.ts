/**
 * The words that the index treats specially, as frozen tables: which say nothing, which only frame a question, and
 * which are a form of another word that no rule finds. A change here changes the index: raise `TOK_VERSION` with it.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Not indexed. The ends of contractions ("don", "ll") count as words of their own. */
export const stopWords = words(`
  a about above after again against all am an and any are aren as at be because been before being below between both
  but by can could couldn did didn do does doesn doing don down during each few for from further had hadn has hasn have
  haven having he her here hers herself him himself his how i if in into is isn it its itself just ll me more most mustn
  my myself no nor not of off on once only or other our ours ourselves out over own re same shan she should shouldn so
  some such than that the their theirs them themselves then there these they this those through to too under until up ve
  very was wasn we were weren what when where which while who whom why will with won would wouldn you your yours yourself
  yourselves also us let may might shall must ok okay yeah yes uh um hmm oh`)

/** They frame a question and say little about its subject; counted for less in a query. */
export const weakWords = words(`
  kind type sort way thing discuss discussion mention say said tell talk think thought opinion summarize summary describe
  explain like likely want give make get use do go happen reason different meet team group regard concern relate feel
  main specific certain various overall many much often long time person people name ask propose suggest agree decide`)

/** Form to word, before stemming: forms that no rule finds, and words that are used for the same thing. */
export const irregularWords: ReadonlyMap<string, string> = mapped(`
  go: went gone; buy: bought purchase purchased purchases purchasing; bring: brought; think: thought; catch: caught;
  teach: taught teacher teachers; fight: fought; seek: sought; make: made; say: said; tell: told; sell: sold sale sales;
  hold: held; keep: kept; sleep: slept; feel: felt; leave: left; lose: lost loss losses; meet: met; send: sent; spend: spent;
  build: built builder; lend: lent; bend: bent; win: won winner winners; begin: began begun; run: ran runner runners;
  sing: sang sung singer singers song songs; swim: swam swum swimmer; drink: drank drunk drinks; come: came; become: became;
  give: gave given; take: took taken; write: wrote written writer writers; ride: rode ridden rider; rise: rose risen;
  drive: drove driven driver drivers; choose: chose chosen choice choices; speak: spoke spoken speech speeches speaker;
  break: broke broken; wake: woke; steal: stole stolen theft; freeze: froze frozen; wear: wore worn; tear: tore torn;
  grow: grew grown growth; know: knew known knowledge; throw: threw thrown; fly: flew flown flight flights;
  draw: drew drawn; see: saw seen; eat: ate eaten; fall: fell fallen; forget: forgot forgotten; get: got gotten;
  hide: hid hidden; bite: bit; shake: shook; stand: stood; understand: understood; sit: sat; find: found; hear: heard;
  pay: paid payment payments; lay: laid; lead: led leader leaders; feed: fed; mean: meant; deal: dealt; dream: dreamt;
  learn: learnt; burn: burnt; strike: struck; stick: stuck; dig: dug; hang: hung; shoot: shot; light: lit; slide: slid;
  swear: swore; decide: decision decisions; believe: belief beliefs; advise: advice; prove: proof; succeed: success;
  die: died death dead; bear: born birth; marry: marriage wedding weddings; fail: failure failures; arrive: arrival;
  dance: dancer dancers; paint: painter painters; play: player players; work: worker workers job jobs;
  travel: trip trips journey journeys traveled travelled; vacation: holiday holidays; hike: hiker; cook: chef;
  child: children kids kid; man: men; woman: women; foot: feet; tooth: teeth; mouse: mice; life: lives; wife: wives;
  knife: knives; leaf: leaves; good: better best; bad: worse worst; mother: mom mum mommy moms; father: dad daddy dads;
  grandmother: grandma granny; grandfather: grandpa; parent: parents folks; husband: hubby; baby: babies newborn;
  picture: pic pics photo photos photograph photographs image images photography; bicycle: bike bikes;
  film: movie movies; television: tv; telephone: phone phones mobile; mail: email emails mails; car: cars vehicle vehicles;
  shop: store stores shops; house: home homes houses; doctor: doctors physician; illness: sick sickness ill;
  health: healthy; music: musical musician musicians; art: artist artists artistic; science: scientist scientific;
  favorite: favourite fave favorites; color: colour colours; center: centre; program: programme; start: started starting;
  fix: repair repaired repairs; error: bug bugs errors; delete: remove removed removes deleted removing;
  create: creation; cost: price prices costs; large: big bigger biggest larger; small: little tiny smaller; happy: glad joy;
  fun: enjoyable; friend: buddy buddies pal; game: games gaming; puppy: pup pups puppies; dog: doggo dogs; cat: kitty kitten kittens;
  exercise: workout workouts; company: business firm; country: nation; city: town towns cities; university: college uni;
  tournament: tourney tournaments; contest: competition competitions compete; relax: unwind destress; scary: frightening;
  january: jan; february: feb; march: mar; april: apr; june: jun; july: jul; august: aug; september: sep sept;
  october: oct; november: nov; december: dec`)

function mapped(text: string): ReadonlyMap<string, string> {
  const map = new Map<string, string>()
  for (const line of text.split(';')) {
    const [word = '', forms = ''] = line.split(':')
    for (const form of forms.trim().split(/\s+/)) map.set(form, word.trim())
  }
  return map
}
