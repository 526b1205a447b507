"""Writes ../../shared/src/file/encoding/letters.txt: which letters stand next to the letters that are not ASCII, in the
names of each language that is written in Latin letters. With the argument `half`, from one half of the names only, so that
`measure.py` can use the other one."""

import math
import pathlib
import re
import sys
import unicodedata
from collections import Counter

from names import CODE_PAGES, halves

LATIN = {"cp1252", "cp1250", "cp1254", "cp1257", "cp1258"}

# What Faker does not have, or has too few of.
MORE = {
    "is": "Þór Guðrún Sigurður Jón Björn Ásgeir Ægir Óðinn Ýmir Hjörtur Þorsteinn Kristín Jóhanna Sigríður Guðmundur "
    "Einarsdóttir Jónsdóttir Sigurðardóttir Þórarinsson Björnsson Ragnheiður Steinþór Arnþrúður Böðvar Friðrik Davíð "
    "Eyþór Hafþór Íris Þóra Þorbjörg Vigdís Hólmfríður Ólöf Björg Ástríður Sæmundur Snæbjörn Örn Rögnvaldur Ísak Úlfur "
    "Bryndís Elín Guðjón Magnúsdóttir Ólafsson Pétur Ágúst Sólveig Ásta Svanhvít Guðný Sæunn Ævar Matthías Þuríður "
    "Héðinn Auður Unnþór Reynisdóttir Halldórsson Stefánsson Kristjánsson Bjarnadóttir Ámundason Sæþór Jökull Sölvi",
    "it": "Niccolò Nicolò Salomè Noè Zoè Giosuè Mosè Ferrè Pavanò Cantù Forlì Carrà Gandolfì Calò Muzzì Fantò Bellò "
    "D'Alù Boldù Gesù Loredanà Fè Lanzafà Macrì Calì Cusà Cuccurù Cossù Corrò Cirrincò Sanfilippò Tornabè Andò Alì Arnò "
    "Càndido Dalmàs Fazì Giuffrè Gullì Laganà Lo Papàto Marù Mazzà Nardò Papalì Pitrè Scordò Sarà Verdù Zappalà",
    "hu": "Erdős Gergő Dezső Ernő Jenő Győző Győri Szűcs Fűzfa Rőth Szőke Kővári Bőhm Hegedűs Kőműves Fekető Petőfi Jókai "
    "Ágoston Ödön Özséb Őrsi Űr Dömötör Böröcz Török Bíró Dózsa Csaba Tőzsér Szőllősi Vörös Mező Mezőfi Redő Kertész "
    "Esztergályos Bűdi Szűr Rezső Zsófia Zsolt Kálmán Kázmér Kőrösi Bértalan Nádasdy Ráhel Tűz Lőrincz Lőrinc Gőz Dér "
    "Bődi Tőkés Sütő Lukács Keresztúri Szegő Kelő Szebelédi Tóth Sánta Sárközi Nyírő Nyilas Kőszegi Ószőny Előd Töhötöm",
    "ro": "Răzvan Mădălina Cătălin Cătălina Ionuț Ștefan Ștefania Țuțea Bălan Mărgărit Drăgan Pătrașcu Vlăduț Gheorghiță "
    "Crăciun Fănel Sârbu Pârvu Brânză Câmpeanu Ungurașu Ţepeş Ştefănescu Ionescu Băsescu Dăncilă Iliescu Săvulescu "
    "Tănase Văcărescu Zăvoianu Ilică Ionică Mitică Dică Gică Anuță Rădulescu Căprar Frăsineanu Lăcătuș Râpeanu Bărbulescu",
    "pl": "Łukasz Wójcik Małgorzata Ząbek Kowalczyk Wiśniewski Wiśniewska Kamińska Kamiński Lewandowska Zieliński Zielińska "
    "Szymański Woźniak Dąbrowski Dąbrowska Kozłowski Kozłowska Jankowska Wróbel Król Wieczorek Jabłoński Jabłońska Majewski "
    "Głowacki Głowacka Czyż Żak Żukowski Ślusarczyk Świątek Śliwa Śmigielski Źródło Ćwik Ćwiklińska Gołąb Gąsior Kępa Pękala Bąk "
    "Bąkowski Mąka Rączka Łącki Łęcki Łoś Łapiński Nałęcz Przybył Przybyła Pawełek Pawłowski Gałązka Książek Księżopolski Wąsik "
    "Zając Zięba Zawiślak Żółkiewski Żurawska Róża Bożena Grażyna Mieczysław Stanisław Władysław Bogusław Bolesław Józef Józefa "
    "Paweł Michał Rafał Błażej Bartłomiej Łucja Święcicki Piątek Pietrzyński Grześkowiak Jędrzej Jędrzejczyk Jaźwiński Kaźmierczak "
    "Kuźniar Koźmiński Sędziak Węgrzyn Wójtowicz Wąsowski Zdzisława Czesława Mirosława Wiesław Ścibor Świerczyński Ślązak",
    "fr": "Anaïs Maël Maëlle Loïc Zoé Noé Noël Joël Raphaël Gaël Gaëlle Françoise François Hélène Jérôme Rémi Rémy Béatrice "
    "Cécile Élise Éloïse Héloïse Thaïs Aïcha Benoît Aurélien Geneviève Solène Océane Gaétan Légaré Lefèvre Lefebvre Château "
    "Bézier Crépin Désiré Dupré Fréchette Gagné Général Grégoire Hébert L'Écuyer Lévesque Méline Prévost Québec Régis Sévérine "
    "Théo Théodore Timothée Valérie Véronique Châtelain Fênelon Ménard Brûlé Bâtard Forêt Hervé Côté Chloé Moïse Ismaël Danaël "
    "Barthélemy Clémence Clément Amélie Émilie Élodie Stéphane Stéphanie Aimée Dorothée Andrée Desrosières Larivière Bélanger "
    "Bœuf Lebœuf Cœur Sacrécœur Sœur Œuvrard Vœu Nœud Mœurs Perrœud Haÿ L'Haÿ Nicolaÿ Ghÿs Louÿs Freÿ Croÿ Crémy",
    "pt": "João Conceição Assunção Simões Magalhães Guimarães Camões Sebastião Estêvão Antônio António Mônica Mónica Cláudia "
    "Inês Luís Luísa Vitória Patrícia Júlia Flávia Érica Ângela Ângelo Álvaro Zé Mário Lúcia Sérgio Débora Bárbara Gonçalves "
    "Gonçalo Araújo Falcão Leão Brandão Galvão Paixão Ascensão Encarnação Anunciação Caçador França Mendonça Bragança Graça "
    "Açucena Fátima Verônica Marçal Lourenço Esperança Calçada Brandões Bulhões Antões Avelãs Romã Cândida Cândido Mação Hipólito",
    "da": "Søren Jørgen Bjørn Bjørk Kjær Skjøde Sørensen Jørgensen Ømø Østergaard Åse Åge Ågård Nørgård Bødker Møller Kærgård "
    "Lærke Højgaard Søndergaard Thygesen Pæregård Vestergård Dueholm Frøslev Grønbæk Høeg Læsø Maltbæk Næsby Rød Røn Sæderup "
    "Bæk Bækgaard Tøndering Ørsted Ærø Bråthen Ødegård Bårdsen Håkon Pål Bøe Solbø Tørres Åsmund Øyvind Øystein Gjøvik",
    "sv": "Åsa Åke Håkan Pär Märta Östen Sjöberg Öberg Löfgren Ström Åström Ålund Häggström Bäckström Gävle Jönsson Pålsson "
    "Månsson Mårtensson Hägg Göran Björk Bjöörn Söderqvist Höglund Lönn Räisänen Hämäläinen Mäkelä Väinö Äijälä Yrjö Jyrki "
    "Pöyry Töyrylä Kööpikkä Ränkkä Sääksjärvi Häkkinen Pöllänen Köykkä Rääkkönen Heikkilä Ylä Jääskeläinen Söderström",
    "es": "Íñigo Begoña Núñez Ordóñez Muñoz Peña Ibáñez Yáñez Ángel Ángeles Óscar Úrsula Álvaro José María Jesús Inés Andrés "
    "Lucía Sofía García Martínez Pérez Gómez Sánchez Rodríguez Hernández Jiménez Álvarez Díaz Suárez Güiraldes Argüello "
    "Agüero Ávila Avilés Benítez Cáceres Calderón Cortés Durán Farías Galván León Luján Marín Méndez Ñíguez Páez Quiñones "
    "Ríos Rincón Román Solís Téllez Vázquez Velázquez Víquez Zúñiga Íker Iñaki Xènia Núria Mònica Roèr Àlex Òscar Joaquím",
    "de": "Jürgen Jörg Günther Müller Schäfer Köhler Groß Weiß Voß Strauß Preuß Süß Käthe Bärbel Björn Sören Zoë André René "
    "Thürk Österreicher Öztürk Ünal Ürün Ägidius Ähre Königs Höfer Löwe Förster Dörr Wölfel Vögele Böhm Bühler Führer Krüger "
    "Lüdtke Schröder Schütz Schlüter Bäcker Jäger Krämer Gärtner Häuser Kämpf Nägele Häußler Größl Größer Füßl Häßler Fößel",
}


def words(names):
    for name in names:
        yield from re.split(r"[ \-'’.,()/]+", unicodedata.normalize("NFC", name))


def pairs(names):
    counts = Counter()
    for word in words(names):
        marked = f"^{word.lower()}$"
        counts.update(a + b for a, b in zip(marked, marked[1:]) if not (a + b).isascii())
    return counts


def main():
    languages, left_out = {}, set()
    for locale, (code_page, *_) in CODE_PAGES.items():
        if code_page in LATIN:
            learned, kept = halves(locale)
            if sys.argv[1:] == ["half"]:
                left_out.update(kept)
            else:
                learned = learned + kept
            languages.setdefault(locale.split("_")[0], set()).update(learned)
    for language, more in MORE.items():
        languages.setdefault(language, set()).update(set(more.split()) - left_out)
    lines = []
    for language, names in sorted(languages.items()):
        counts = pairs(names)
        total = sum(counts.values())
        entries = (f"{pair}{round(-4 * math.log(count / total))}" for pair, count in sorted(counts.items()))
        lines.append(f"{language} {' '.join(entries)}\n")
    target = pathlib.Path(__file__).parents[2] / "shared/src/file/encoding/letters.txt"
    target.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
