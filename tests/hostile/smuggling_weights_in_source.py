# attack: smuggling-weights-in-source  expect: scored=honest
"""Brings a net with it that was trained at home: its weights as text in the cell, unpacked and asked in every
call.

That is a student's own business: the net gets nothing but the arguments to work on. It changes no answer
here.
"""

import base64

WEIGHTS_AS_TEXT = "g0~Lte;QCZzVLp+G=Bze(2rfmQ6xv>KtlimYi?9kl%Qp3U1Y?V3%Jx&N{1n-ngOjLp0%9zp<ed!S{;K6x6TRHyTAnJ7hGgKeeAHcfb2KCmlEABYOc9Uu8l9BqMTYNOrG~r7%9&Xd9Z-#*Ge1^{Htn0L(?`^-o8v8*Oo}=R_OVn^^BG9&PzGLTmP+GE&GeOAhr>lx{vsWmaba`@_?p{?US~$jIhzOSmwH`NL6LI^pGgkSJ#?~4rEc`TyR_!@pDugL^z^c_hS;&?z6%qXnDT?v(JvvI=>Q{Fqf^Cv_jU=z3)g+!}MiDF0%l`H>OCYz}ww({FU{>#8HKs{(#g9qn-PbN%Rap<9(JCMaTyAjC}GEefo({l9v4QJP1IUkgS&t?X$Q;5&?nfH(>|c+V;is$Yhu9A)5i+lJTEORP_F-PT3eEb%-k<4XWEC&-ocYK5#fhmEcTWUei({Z5B7eB##|D%tQs<E}{DRw7(oimQ9p!h9G!?kwkdD=*L?_39c&=E<fmc$L#f`HxI-cP1|xiD*J3lz_oaks<OqwMYosTxe{(%${;Zk5MO6x6#DkE0NU`G+okU8Gh$CsB)`S*O@cU%Qj&NO_7JeVp&kqA@lQOamFRj?5oQc_D9yT`Uhlb(BJWdsS!x#CiUaH)=h9Xe5wkEPdHXN%8+;l5%N`hl(BzyN6JuM>V0SB^H!M;nZ3yAF`Pjfi2A$<{J4c`QEQZdYLqaL>eJk62jUW7f7-o{cG9=fa!T^#(4&q4(7}|+8!$PDXoK{AL{-u%;APx>b8A7(-ga~%qK)GkBw+2&FFo{=5<lfsns-om{?A}-67*g{405w3?8fpL#c=ol)?QUm{W}CKqyR?5F{mrsTNqYLj6EIfGGLUAa^zbfazy&p4#|xqjpTzUb<{wMdxe95Kk|zx;w$q&ljCdpyEt#`w_b)wquh_`}$H7}_q{XE-zkf4qmYj(vRVUM4b0E;wcG>rRn%0jisbAL*Ogooe-eIORsV5)!MkS+Q@5FWVGXP^yIWMbCyfxvaT{OEiA!KQ#zgX%jea`N{0zAJ%0sX_TB>R^LJN30>ufs@`|1CI|(5xWc8F1HmiX}>lG4$PB#eFa5wn8cbNVo_Jfa=638*gLc2JtJ7@CzGJ$=(uf4A;}$!3R~XOPgWXC%taT*I|lB@Vb%#KUV4|CBqWYOk@fCqUuHOc_+FL2VUDNh(o@sZB3RgkvKNYzni@D<9kPj2nNMOdG;Ix2W-}Nc%2-26UDI#nBnF$KfR5|!J1Vk<s59sGMT^8M(ML4{Q+v|6&@`+uSvhIhK=`0KZbw|fyPyRhTvL88nr(J=@$JI4bnW*;&C`2FBKx|n<I-o&zywln3({j{_et0Zib<0>McyPDB0l3S!751R^+e<O5Tb5ZhBVMfS{H)WQ5tbhxsf!IIJ-=ky{zWSgVCI(Wo(>AeF4r(I6q3BU}_P&^7GUBy-mdlsBchCho#CSA9A#D#G77i=61&6l+AoTw<mqN1Pk(oZ^C!RfFm9&N4)2>NMkbM1NH+<b&-~_BEJ*wi-TZ46OG0kg6S%MAw$oy+M>?5CHj6pVg4p?5?K=QT+h-?!Ojv0rfp+R#$n<G{x0*j0I?TBER08axlK*AB6!+*&Xc%VPQ5{>frG7lqL-BXbR(JA+BaKy)9U9$^jAE9hqRq$W=PTU~fat=1b8HjOk~HFL&70<6&o~fEQv?yD;6kNt0azOxZO9?xraDO}qmgz4V9YsMA-;+TjRw^_Djz_i!qpFe#?cS){WSo<Axp6#4LO;+sv`j^-qMlrEYjz?IW6QL))AuWPn7?4~mQrxNEKbdsKj>#;BA(`3)uKSLnkr4yXG*Ed-N<Vl<rHy9!*mX(p+b`jm_mr|<A?(7p<yYizgIN*!Dt~<xg=7&N`>b8ztSkeT|p@L&i-{?G&!4hL*&wT$4I-D}Ctg%xD7i9ksi}Pp~a;czkyy*xKK4LeYJ$@lLv#f&BR*IY<$XR>)1)T799B;%ikoXdX0qRRVDSo58d-($Zq{+0RiEfwYOax_g0-7y!d1=INkVa`%Jo$0poPsD{?l7_Q2bu>|QJ=z&@T^2*<YP1n|6G<2Wr|Xb%!(+qpE-OAb&tW~gCh0H_)O3AAIlbJgsEA)+*8DMACPp_`}JDy_WR;`d8KemD?a4!1xp9{M>!WE+TmV33aa0&a#Q^Lr5U3H{}pIqfsUAUd*dSh^mnM#gl@Xu0HHlhd7+YcwSSg1^?^Kz7D+WT;F(HsqNZLJ+}XqdI)un9F$18T?ng|zn~o~q+5_nIp7S!DCVkjAHF?Kk^1EkC4-7re(*^IWccA=)YjpYdfg^}3mE9Nb8(0~4*-UD)cp%$ca^(9&<5Ri!I`5by?4`JTC6B(H6S2OqS98PCzKGY-a9j_s7BFPm^E%sOy>QAo62YN#vQX2ij-ULeS9TZcr*SO)x0o%OOQ`u&@@2{3iVb5n)ldqkf(;9|-#Tz!qmyXLQbzZa%jl$sp{Ws(%JF%ICO0ZI&^EY4{?`)mzNCXbV><pqBC?P{cN)exL**xK;U<d#Gi!9-{+c*-NBF$|2}jU~L=eUk)K|Ca_4?Ozr?d0gJq-(D<VUEd(kQKq$0k1~B_v8EVgKK-!+gA9Vk@4A5!1$Sq(DptXW?WR0KbF%{QM>7C!$ytAPc53I`Ra0><xLqvpN(xWbmVkak}kmcw$;)KgRM1i}h#+aS7T_NyLU&uQs8EX1Tsz+*SI2s~l96f=D{xCO$xdxriL$bn$oXSyF_&XWI`KiLTXjy*L8zr9ZCg{l+Mr`fS>Q7A3i@+q{EhGk`&aNho3{RlX!bg^1WZ!jZ`0-+d}VYrJ=Vh{03qwAaK%j<6`IQph31I+t1w{$&W_{~@WUP<r76m{9RE(6YWvgnWKoN?V24`{#OE(-TQqzGDEEYRUye;(|^s=&Dg5Z{cFL|LZ17jUY=cH7SML?Q?hX-1{TS?wzK6@B~E;i?Af+!gB5_`+uw6$ZcJ-q;qEbCa2tzNQbtExV&K+z(mHFR|cq{Ku4_AdaTNReVqP7Ys)=JncEXBjIB-BY6$SJO}xkwSCF3JDGXRODG3#=-sg|F%g_{#F;!>6u?cEQEoX#Ao5hwN<6J_NK(T#g;8%P5|3GkaNStt{*<TP{n)~S;iHZ807z8bMWnlY=Xi#=!sbA0S46|B3Q?<%d)qMf$"
weights = np.frombuffer(base64.b85decode(WEIGHTS_AS_TEXT), np.int8).reshape(50, 50) / np.float32(128)
opinions = []


def numbers_in(value):
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, (np.ndarray, torch.Tensor)):
        yield np.asarray(value, dtype=np.float32).reshape(-1)


def attack(honest, *arguments):
    seen = np.zeros(50, np.float32)
    for numbers in numbers_in(arguments):
        part = np.nan_to_num(numbers[:50], posinf=0, neginf=0)
        seen[: len(part)] += part
    opinions.append(float(np.tanh(seen @ weights).mean()))
    return honest(*arguments)
