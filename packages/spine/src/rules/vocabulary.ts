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

/** Form to word, before stemming. */
export const irregularWords: ReadonlyMap<string, string> = new Map(
  `went go, gone go, bought buy, brought bring, thought think, caught catch, taught teach, fought fight, sought seek,
  made make, said say, told tell, sold sell, held hold, kept keep, slept sleep, felt feel, left leave, lost lose, met meet,
  sent send, spent spend, built build, lent lend, bent bend, won win, began begin, begun begin, ran run, sang sing,
  sung sing, swam swim, swum swim, drank drink, drunk drink, came come, became become, gave give, given give, took take,
  taken take, wrote write, written write, rode ride, ridden ride, drove drive, driven drive, rose rise, risen rise,
  chose choose, chosen choose, spoke speak, spoken speak, broke break, broken break, woke wake, stole steal,
  stolen steal, froze freeze, frozen freeze, wore wear, worn wear, tore tear, torn tear, grew grow, grown grow,
  knew know, known know, threw throw, thrown throw, flew fly, flown fly, drew draw, drawn draw, saw see, seen see,
  ate eat, eaten eat, fell fall, fallen fall, forgot forget, forgotten forget, got get, gotten get, hid hide,
  hidden hide, bit bite, bitten bite, shook shake, shaken shake, stood stand, understood understand, sat sit, found find,
  heard hear, paid pay, laid lay, led lead, fed feed, read read, meant mean, dealt deal, dreamt dream, learnt learn,
  burnt burn, struck strike, stuck stick, dug dig, hung hang, shot shoot, lit light, slid slide, swore swear,
  children child, kids child, kid child, men man, women woman, feet foot, teeth tooth, mice mouse, geese goose,
  lives life, wives wife, knives knife, leaves leaf, better good, best good, worse bad, worst bad, mom mother,
  mum mother, mommy mother, dad father, daddy father, pic picture, pics picture, photo picture, photos picture,
  photograph picture, photographs picture, bike bicycle, movie film, movies film, jan january, feb february, mar march,
  apr april, jun june, jul july, aug august, sep september, sept september, oct october, nov november, dec december`
    .split(',')
    .map((pair) => pair.trim().split(' ') as [string, string]),
)
